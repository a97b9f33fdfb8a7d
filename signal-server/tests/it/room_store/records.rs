//! A store in memory, which fails, hangs and panics when a test wants it to.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use signal_server::testing::{self, TestServer};
use signal_server::{RoomId, RoomStore, RoomWrite, Secret, StoredRoom};
use tokio::task::JoinHandle;

use crate::common::{Answer, Api, builder, until};

/// Rooms in memory, which outlive the server that has a clone of them.
#[derive(Clone, Default)]
pub(super) struct Records {
    pub(super) kept: Arc<Mutex<HashMap<RoomId, StoredRoom>>>,
    mood: Arc<Mutex<Mood>>,
    /// Whether a change has come that hangs.
    pub(super) is_hanging: Arc<AtomicBool>,
    /// How many records were saved.
    pub(super) saves: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Mood {
    Failing,
    Hanging,
    Panicking,
    #[default]
    Well,
}

impl RoomStore for Records {
    type Error = io::Error;

    fn load(&mut self) -> io::Result<Vec<StoredRoom>> {
        match self.mood() {
            Mood::Failing => Err(io::Error::other("the table is gone")),
            _ => Ok(self.kept.lock().unwrap().values().cloned().collect()),
        }
    }

    fn save(&mut self, changes: &[RoomWrite]) -> io::Result<()> {
        while self.mood() == Mood::Hanging {
            self.is_hanging.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(10));
        }
        match self.mood() {
            Mood::Failing => return Err(io::Error::other("the table is gone")),
            Mood::Panicking => panic!("a bug of the embedder's"),
            Mood::Hanging | Mood::Well => {}
        }
        self.saves.fetch_add(changes.len(), Ordering::Relaxed);
        let mut kept = self.kept.lock().unwrap();
        for change in changes {
            match change {
                RoomWrite::Put { room, record, seats } => {
                    let kept = kept.entry(*room).or_insert_with(|| StoredRoom::new(*room));
                    kept.record.clone_from(record);
                    for (id, identity) in seats {
                        let before = kept.seats.iter().find(|(kept, _)| kept == id);
                        // Each identity is written once, unless it changes, and removed only if it
                        // was written.
                        assert_ne!(before.map(|(_, bytes)| bytes), identity.as_ref(), "{id}");
                        kept.seats.retain(|(kept, _)| kept != id);
                        kept.seats.extend(identity.clone().map(|identity| (*id, identity)));
                    }
                }
                RoomWrite::Remove { room } => drop(kept.remove(room)),
            }
        }
        Ok(())
    }
}

impl Records {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    pub(super) fn become_so(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Hangs while a room is created, which is answered once this is well again.
    pub(super) async fn hang_with_a_new_room(&self, server: &TestServer) -> JoinHandle<Answer> {
        self.become_so(Mood::Hanging);
        let api = Api::at(server.address());
        let created = tokio::spawn(async move { api.create(&json!({})).await });
        until(|| self.is_hanging.load(Ordering::Relaxed)).await;
        created
    }

    pub(super) async fn serve(&self) -> (Api, TestServer) {
        let server = builder().open_store(self.clone(), &Secret::new("kept")).await.unwrap();
        let server = testing::serve(server).await.unwrap();
        (Api::at(server.address()), server)
    }
}
