//! Events of rooms in a store of the application's own.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use signal_server::signal_core::identity::Attributes;
use signal_server::testing::{self, TestServer};
use signal_server::{
    Builder, CreateRoom, DisplayName, Limits, QueueWrite, QueuedEvent, RoomId, RoomStore,
    RoomWrite, Secret, StoredRoom, WebhookEvent, Webhooks,
};

use super::receiver::{Receiver, Reply, SECRET};
use super::{BRIEFLY, brief_room};
use crate::common::program::utf8;
use crate::common::{Api, builder, text, until};

/// Rooms and the queue in memory, which outlive the server that has a clone of them.
#[derive(Clone, Default)]
struct Tables {
    rooms: Arc<Mutex<HashMap<RoomId, StoredRoom>>>,
    queue: Arc<Mutex<BTreeMap<String, QueuedEvent>>>,
    hangs: Arc<AtomicBool>,
    /// Whether the next changes are made and reported as failed.
    fails_after: Arc<AtomicBool>,
}

/// The same without the queue.
struct RoomsOnly(Tables);

impl RoomStore for Tables {
    type Error = io::Error;

    fn load(&mut self) -> io::Result<Vec<StoredRoom>> {
        Ok(self.rooms.lock().unwrap().values().cloned().collect())
    }

    fn save(&mut self, changes: &[RoomWrite]) -> io::Result<()> {
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

    fn save_with_queue(&mut self, changes: &[RoomWrite], queue: &[QueueWrite]) -> io::Result<()> {
        self.save(changes)?;
        let mut events = self.queue.lock().unwrap();
        for change in queue {
            match change {
                QueueWrite::Put(event) => drop(events.insert(event.id.clone(), event.clone())),
                QueueWrite::Remove { id } => drop(events.remove(id)),
            }
        }
        match self.fails_after.swap(false, Ordering::Relaxed) {
            true => Err(io::Error::other("the connection is lost after the commit")),
            false => Ok(()),
        }
    }

    fn load_queue(&mut self) -> io::Result<Vec<QueuedEvent>> {
        // In any order.
        Ok(self.queue.lock().unwrap().values().rev().cloned().collect())
    }
}

impl RoomStore for RoomsOnly {
    type Error = io::Error;

    fn load(&mut self) -> io::Result<Vec<StoredRoom>> {
        self.0.load()
    }

    fn save(&mut self, changes: &[RoomWrite]) -> io::Result<()> {
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

#[tokio::test]
async fn a_room_that_is_refused_although_it_was_saved_has_no_event_in_the_end() {
    let (receiver, tables) = (Receiver::start().await, Tables::default());
    let (api, _server) = serve(hooked(&receiver), tables.clone()).await;
    tables.fails_after.store(true, Ordering::Relaxed);
    assert_eq!(api.create(&json!({})).await.refused(), (503, "storage_unavailable"));
    until(|| tables.rooms.lock().unwrap().is_empty()).await;
    assert_eq!(*tables.queue.lock().unwrap(), BTreeMap::new());
}

#[tokio::test]
async fn of_what_an_earlier_process_has_queued_nothing_old_or_unwanted_is_sent() {
    let (receiver, tables) = (Receiver::start().await, Tables::default());
    receiver.answers(|_| Reply::Status(503));
    let (api, server) = serve(hooked(&receiver), tables.clone()).await;
    let room = brief_room(&api).await;
    receiver.attempted(1).await;
    let event_of = |kind: &str| {
        let queue = tables.queue.lock().unwrap();
        let is_it = |event: &&QueuedEvent| utf8(&event.body).contains(kind);
        queue.values().find(is_it).unwrap().clone()
    };
    drop((api, server));
    let mut old = event_of("participant_left");
    let body: Value = serde_json::from_slice(&old.body).unwrap();
    let (today, before) = (text(&body["timestamp"]), "2026-01-01T00:00:00Z");
    old.body = utf8(&old.body).replace(&today, before).into_bytes();
    tables.queue.lock().unwrap().insert(old.id.clone(), old);

    receiver.answers(|_| Reply::Status(200));
    let count = receiver.types_of(&room.id).len();
    let wanted =
        [WebhookEvent::RoomStarted, WebhookEvent::ParticipantLeft, WebhookEvent::RoomFinished];
    let webhooks = Webhooks::new(&receiver.url(), &[Secret::new(SECRET)], None).unwrap();
    let builder = builder().webhooks(webhooks.only(wanted));
    let (_api, _server) = serve(builder, tables.clone()).await;
    let types = receiver.types_until(&room.id, "room_finished").await;
    assert_eq!(types[count..], ["room_started", "room_finished"]);
    until(|| tables.queue.lock().unwrap().is_empty()).await;
}

#[tokio::test]
async fn each_event_has_the_data_that_the_application_keeps_with_the_room() {
    let receiver = Receiver::start().await;
    let (_api, server) = serve(hooked(&receiver), Tables::default()).await;
    let handle = server.server().handle();
    let mut new = CreateRoom::without_creator(DisplayName::parse("daily").unwrap().unwrap());
    new.id = Some(RoomId::chosen("daily").unwrap());
    new.data = Attributes::new([("meeting", "17")]).unwrap();
    let created = handle.create_room(new.clone()).await.unwrap().room;
    assert_eq!(created.data, Some(new.data));
    handle.set_data(created.id, Attributes::default()).await.unwrap();
    handle.close_room(created.id).await.unwrap();
    receiver.types_until("daily", "room_finished").await;
    let rooms = receiver.attempts().into_iter().map(|got| got.event["data"]["room"].clone());
    let (before, after) =
        (json!({"id": "daily", "data": {"meeting": "17"}}), json!({"id": "daily"}));
    assert_eq!(rooms.collect::<Vec<_>>(), [before, after.clone(), after]);
}
