//! Events of rooms in a store of the application's own.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use signal_server::testing::{self, TestServer};
use signal_server::{
    Builder, CreateRoom, DisplayName, Limits, QueueWrite, QueuedEvent, RoomId, RoomStore,
    RoomWrite, Secret, StoredRoom, Webhooks,
};

use super::receiver::{Receiver, Reply, SECRET};
use super::{BRIEFLY, brief_room};
use crate::common::{Api, builder, until};

/// Rooms and the queue in memory, which outlive the server that has a clone of them.
#[derive(Clone, Default)]
struct Tables {
    rooms: Arc<Mutex<HashMap<RoomId, StoredRoom>>>,
    queue: Arc<Mutex<BTreeMap<String, QueuedEvent>>>,
    hangs: Arc<AtomicBool>,
}

/// The same without the queue.
struct RoomsOnly(Tables);

impl RoomStore for Tables {
    type Error = Infallible;

    fn load(&mut self) -> Result<Vec<StoredRoom>, Infallible> {
        Ok(self.rooms.lock().unwrap().values().cloned().collect())
    }

    fn save(&mut self, changes: &[RoomWrite]) -> Result<(), Infallible> {
        while self.hangs.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut rooms = self.rooms.lock().unwrap();
        for change in changes {
            match change {
                RoomWrite::Put { room, record, .. } => {
                    let stored = StoredRoom { record: record.clone(), ..StoredRoom::new(*room) };
                    rooms.insert(*room, stored);
                }
                RoomWrite::Remove { room } => drop(rooms.remove(room)),
            }
        }
        Ok(())
    }

    fn save_with_queue(
        &mut self,
        changes: &[RoomWrite],
        queue: &[QueueWrite],
    ) -> Result<(), Infallible> {
        self.save(changes)?;
        let mut events = self.queue.lock().unwrap();
        for change in queue {
            match change {
                QueueWrite::Put(event) => drop(events.insert(event.id.clone(), event.clone())),
                QueueWrite::Remove { id } => drop(events.remove(id)),
            }
        }
        Ok(())
    }

    fn load_queue(&mut self) -> Result<Vec<QueuedEvent>, Infallible> {
        // In any order.
        Ok(self.queue.lock().unwrap().values().rev().cloned().collect())
    }
}

impl RoomStore for RoomsOnly {
    type Error = Infallible;

    fn load(&mut self) -> Result<Vec<StoredRoom>, Infallible> {
        self.0.load()
    }

    fn save(&mut self, changes: &[RoomWrite]) -> Result<(), Infallible> {
        assert!(!changes.is_empty());
        self.0.save(changes)
    }
}

fn hooked(receiver: &Receiver) -> Builder {
    builder().webhooks(Webhooks::new(&receiver.url(), &[Secret::new(SECRET)], None).unwrap())
}

async fn serve(builder: Builder, store: impl RoomStore) -> (Api, TestServer) {
    let server = builder.open_store(store, &Secret::new("kept")).await.unwrap();
    let server = testing::serve(server).await.unwrap();
    (Api::at(server.address()), server)
}

#[tokio::test]
async fn a_store_that_keeps_the_queue_loses_no_event_and_another_one_delivers_them_too() {
    let (receiver, tables) = (Receiver::start().await, Tables::default());
    receiver.answers(|_| Reply::Status(503));
    let (api, server) = serve(hooked(&receiver), tables.clone()).await;
    let room = brief_room(&api).await;
    receiver.attempted(1).await;
    assert_eq!(tables.queue.lock().unwrap().len(), BRIEFLY.len());
    drop((api, server));

    receiver.answers(|_| Reply::Status(200));
    let count = receiver.types_of(&room.id).len();
    let (_api, _server) = serve(hooked(&receiver), tables.clone()).await;
    let types = receiver.types_until(&room.id, "room_finished").await;
    assert_eq!(types[count..], BRIEFLY);
    until(|| tables.queue.lock().unwrap().is_empty()).await;

    let (api, _server) = serve(hooked(&receiver), RoomsOnly(Tables::default())).await;
    let room = brief_room(&api).await;
    assert_eq!(receiver.types_until(&room.id, "room_finished").await, BRIEFLY);
}

#[tokio::test]
async fn an_event_waits_until_its_record_is_saved_and_a_withdrawn_room_has_none() {
    let (receiver, tables) = (Receiver::start().await, Tables::default());
    let limits = Limits::with(|limits| limits.request_patience = Duration::from_secs(1));
    let builder = hooked(&receiver).limits(limits).unwrap();
    let (api, _server) = serve(builder, tables.clone()).await;
    let room = api.room().await;
    let guest = api.ws_token(&room, "guest").await;
    receiver.attempted(1).await;
    tables.hangs.store(true, Ordering::Relaxed);
    // Nobody learns of the room that is being saved, nor of the one that is to be saved next.
    for _ in 0..2 {
        assert_eq!(api.create(&json!({})).await.refused(), (408, "request_timeout"));
    }
    let mut guest = api.attach(&room.id, &guest).await;
    assert_eq!(receiver.attempts().len(), 1);
    tables.hangs.store(false, Ordering::Relaxed);
    guest.joined().await;
    assert_eq!(
        receiver.types_until(&room.id, "participant_joined").await,
        ["room_started", "participant_joined"]
    );
    let later = brief_room(&api).await;
    receiver.types_until(&later.id, "room_finished").await;
    until(|| tables.queue.lock().unwrap().is_empty()).await;
    let known = [&room.id, &later.id];
    assert!(receiver.attempts().iter().all(|got| known.iter().any(|room| got.room() == **room)));
}

#[tokio::test]
async fn the_events_of_a_room_that_is_closed_before_it_is_saved_hold_up_no_later_one() {
    let (receiver, tables) = (Receiver::start().await, Tables::default());
    let (_api, server) = serve(hooked(&receiver), tables.clone()).await;
    let handle = server.server().handle();
    let mut new = CreateRoom::without_creator(DisplayName::parse("daily").unwrap().unwrap());
    let id = RoomId::chosen("daily").unwrap();
    new.id = Some(id);
    tables.hangs.store(true, Ordering::Relaxed);
    let creating = tokio::spawn({
        let (handle, new) = (handle.clone(), new.clone());
        async move { handle.create_room(new).await }
    });
    until(|| handle.room(id).is_some()).await;
    let closing = tokio::spawn({
        let handle = handle.clone();
        async move { handle.close_room(id).await }
    });
    until(|| handle.room(id).is_none()).await;
    creating.abort();
    assert!(creating.await.unwrap_err().is_cancelled());
    tables.hangs.store(false, Ordering::Relaxed);
    closing.await.unwrap().unwrap();
    let finished = receiver.types_until("daily", "room_finished").await;
    assert_eq!(finished, ["room_started", "room_finished"]);
    handle.create_room(new).await.unwrap();
    receiver.types_until("daily", "room_started").await;
}
