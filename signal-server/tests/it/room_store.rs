//! Rooms in the embedder's own store, which may fail in every way.

mod foreign_code;
#[path = "../../src/cli/panicking_store.rs"]
mod panicking_store;
mod records;
mod reused_ids;
mod slow_requests;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use signal_core::InvalidBytes;
use signal_core::identity::{Attributes, Identity};
use signal_server::testing;
use signal_server::{
    DisplayName, Limits, MintToken, RoomId, RoomStore, RoomWrite, Secret, StoreError, StoredRoom,
};
use tokio::time::{sleep, timeout};

use self::records::{Mood, Records};
use crate::common::{Api, builder, text, until};
use crate::room_events::told_briefly;

#[tokio::test]
async fn rooms_passwords_and_seats_outlive_the_server() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let unused = api.ws_token(&room, "later").await;
    let (_guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    drop(server);

    let (api, _server) = records.serve().await;
    let (_guest, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(
        (&resumed["type"], &resumed["participant_id"]),
        (&json!("resumed"), &joined["participant_id"])
    );
    api.enter_v2(&room, &unused).await;
    api.ws_token(&room, "who knows the password").await;
}

#[tokio::test]
async fn who_a_participant_is_outlives_the_server_and_goes_with_the_participant() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let number: RoomId = room.id.parse().unwrap();
    let token = |user: &str| {
        let mut token = MintToken::new(DisplayName::parse(user).unwrap().unwrap());
        token.identity = Identity::of(user.parse().unwrap());
        server.server().handle().mint(number, token).unwrap().ws_token
    };
    let (_stays, joined) = api.enter_v2(&room, &token("stays")).await;
    let (mut leaves, _) = api.enter_v2(&room, &token("leaves")).await;
    api.guest(&room, "unknown").await;
    let stored = || records.kept.lock().unwrap()[&number].clone();
    until(|| stored().seats.len() == 2).await;
    let users = |room: &StoredRoom| {
        let identities = room.seats.iter().map(|(_, bytes)| Identity::from_bytes(bytes).unwrap());
        identities.map(|identity| identity.user.unwrap().as_str().to_owned()).collect::<Vec<_>>()
    };
    leaves.say(&json!({"type": "leave"})).await;
    until(|| users(&stored()) == ["stays"]).await;
    drop(server);

    let (api, server) = records.serve().await;
    let (_stays, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    let handle = server.server().handle();
    let seat = handle.room(number).unwrap().participants.remove(0);
    assert_eq!(*seat.identity, Identity::of("stays".parse().unwrap()));
    // It is written again only if it changes.
    let role = Attributes::new([("role", "speaker")]).unwrap();
    handle.set_attributes(number, seat.id, role.clone()).await.unwrap();
    let kept = Identity::from_bytes(&stored().seats[0].1).unwrap();
    assert_eq!((kept.user.unwrap().as_str(), kept.attributes), ("stays", Some(role)));
    server.server().handle().close_room(number).await.unwrap();
    until(|| stored().seats.is_empty()).await;
}

#[tokio::test]
async fn a_store_that_fails_or_panics_stops_new_rooms_alone_and_gets_the_rest_later() {
    for mood in [Mood::Failing, Mood::Panicking] {
        let records = Records::default();
        let (api, server) = records.serve().await;
        let room = api.room().await;
        let before = records.kept.lock().unwrap().clone();
        records.become_so(mood);
        assert_eq!(api.create(&json!({})).await.refused(), (503, "storage_unavailable"));
        let (_guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
        assert_eq!(*records.kept.lock().unwrap(), before);

        records.become_so(Mood::Well);
        // Tried each second, also when nothing new comes.
        until(|| *records.kept.lock().unwrap() != before).await;
        api.room().await;
        drop(server);
        let (api, _server) = records.serve().await;
        let (_guest, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
        assert_eq!(resumed["type"], "resumed", "{resumed}");
    }
}

#[tokio::test]
async fn a_store_that_hangs_holds_up_whoever_waits_for_it_and_no_message() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    let created = records.hang_with_a_new_room(&server).await;
    guest.say(&json!({"type": "offer", "to": creator_id, "sdp": "v=0"})).await;
    assert_eq!(creator.hear().await["sdp"], "v=0");
    assert!(!created.is_finished());
    records.become_so(Mood::Well);
    created.await.unwrap().data();
}

#[tokio::test]
async fn a_wrong_guess_that_waits_for_a_store_holds_up_nothing_that_others_see() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    records.become_so(Mood::Hanging);
    let guess = tokio::spawn({
        let (api, id) = (Api::at(server.address()), room.id.clone());
        async move { api.join(&id, &json!({"password": "wrong!"})).await }
    });
    until(|| records.is_hanging.load(Ordering::Relaxed)).await;
    guest.say(&json!({"type": "update", "state": 1})).await;
    assert_eq!(creator.hear().await["state"], 1);
    assert!(!guess.is_finished(), "the guess is counted before it is answered");
    // What is seen later than a lock is told no earlier.
    let lock = json!({"locked": true});
    let (locked, ()) = tokio::join!(api.change(&room, &lock), async {
        until(|| server.server().handle().rooms()[0].locked).await;
        guest.say(&json!({"type": "update", "state": 2})).await;
        assert!(timeout(Duration::from_millis(200), creator.hear()).await.is_err());
        records.become_so(Mood::Well);
    });
    // Both are changes of one record then.
    let heard = [creator.hear().await, creator.hear().await];
    assert!(heard.iter().any(|message| message["type"] == "room_updated"), "{heard:?}");
    assert!(heard.iter().any(|message| message["state"] == 2), "{heard:?}");
    assert_eq!(guess.await.unwrap().refused(), (401, "wrong_password"));
    locked.data();
}

#[tokio::test]
async fn an_event_waits_until_its_record_is_saved() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let mut events = server.server().handle().events();
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let (mut other, _) = api.enter_v2(&room, &api.ws_token(&room, "other").await).await;
    assert_eq!(told_briefly(&mut events).await, "guest joined");
    assert_eq!(told_briefly(&mut events).await, "other joined");
    records.become_so(Mood::Hanging);
    guest.say(&json!({"type": "leave"})).await;
    assert_eq!(other.hear().await["type"], "peer_left");
    until(|| records.is_hanging.load(Ordering::Relaxed)).await;
    assert!(timeout(Duration::from_millis(100), events.next()).await.is_err());
    records.become_so(Mood::Well);
    assert_eq!(told_briefly(&mut events).await, "guest left");
}

#[tokio::test]
async fn while_a_store_fails_what_holds_in_memory_is_told_and_no_room_that_was_refused() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let mut events = server.server().handle().events();
    records.become_so(Mood::Failing);
    assert_eq!(api.create(&json!({})).await.refused(), (503, "storage_unavailable"));
    let (_guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    assert_eq!(told_briefly(&mut events).await, "guest joined");
}

#[tokio::test]
async fn who_has_lost_its_socket_by_a_restart_is_told_from_the_start() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let (_guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    // As after a crash: the server that is dropped may still write that the guest has no socket.
    let kept = Records::default();
    kept.kept.lock().unwrap().clone_from(&records.kept.lock().unwrap());
    drop(server);

    let mut builder = builder();
    let mut events = builder.events();
    let server = builder.open_store(kept, &Secret::new("kept")).await.unwrap();
    let server = testing::serve(server).await.unwrap();
    assert_eq!(told_briefly(&mut events).await, "guest detached");
    let api = Api::at(server.address());
    let (_guest, _) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!(told_briefly(&mut events).await, "guest resumed");
}

#[tokio::test]
async fn what_a_restart_brings_about_anyway_is_told_while_a_store_hangs() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let mut guests = Vec::new();
    for name in ["a", "b", "c"] {
        guests.push(api.enter_v2(&room, &api.ws_token(&room, name).await).await.0);
        assert_eq!(creator.hear().await["type"], "peer_joined");
    }
    let created = records.hang_with_a_new_room(&server).await;

    guests[0].say(&json!({"type": "update", "state": {"muted": true}})).await;
    assert_eq!(creator.hear().await["state"], json!({"muted": true}));
    guests[0].say(&json!({"type": "update", "name": "new"})).await;
    assert_eq!(creator.hear().await["name"], "new");
    guests[1].say(&json!({"type": "leave"})).await;
    assert_eq!(creator.hear().await["reason"], "left");
    drop(guests.pop());
    assert_eq!(creator.hear().await["connected"], json!(false));
    // An id of a block that is reserved.
    api.ws_token(&room, "joined meanwhile").await;
    records.become_so(Mood::Well);
    created.await.unwrap().data();
}

#[tokio::test]
async fn a_queue_for_a_store_that_hangs_has_one_record_for_each_room() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let created = records.hang_with_a_new_room(&server).await;
    for number in 0..40 {
        guest.say(&json!({"type": "update", "name": format!("name {number}")})).await;
    }
    guest.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(guest.hear().await["type"], "pong");
    let saves_before = records.saves.load(Ordering::Relaxed);
    records.become_so(Mood::Well);
    created.await.unwrap().data();
    api.room().await;
    let saves = records.saves.load(Ordering::Relaxed) - saves_before;
    assert!(saves <= 4, "{saves} records were written");
}

#[tokio::test]
async fn a_create_that_takes_too_long_leaves_no_room_that_counts() {
    let records = Records::default();
    let limits = Limits::with(|limits| {
        limits.open_rooms = 1;
        limits.request_patience = Duration::from_millis(300);
    });
    let server = builder()
        .limits(limits)
        .unwrap()
        .open_store(records.clone(), &Secret::new("kept"))
        .await
        .unwrap();
    let server = testing::serve(server).await.unwrap();
    let api = Api::at(server.address());
    records.become_so(Mood::Hanging);
    for _ in 0..2 {
        assert_eq!(api.create(&json!({})).await.refused(), (408, "request_timeout"));
        assert_eq!(server.server().handle().counts().rooms, 0);
    }
    records.become_so(Mood::Well);
    let room: RoomId = api.room().await.id.parse().unwrap();
    until(|| records.kept.lock().unwrap().keys().copied().collect::<Vec<_>>() == [room]).await;
}

#[tokio::test]
async fn a_store_that_cannot_be_read_keeps_the_server_from_starting() {
    let records = Records::default();
    records.become_so(Mood::Failing);
    let refused = builder().open_store(records.clone(), &Secret::new("kept")).await.err().unwrap();
    assert_eq!(refused.to_string(), "the room store cannot be read: the table is gone");

    records.become_so(Mood::Well);
    let (api, server) = records.serve().await;
    let room: RoomId = api.room().await.id.parse().unwrap();
    drop(server);
    let record = records.kept.lock().unwrap()[&room].record.clone();
    let other = RoomId::from_indices([0; 6]);
    for (id, kept, expected) in [
        (room, record[..record.len() - 1].to_vec(), InvalidBytes::Damaged),
        (room, vec![99, 99], InvalidBytes::Newer { format: 99, newest: 9 }),
        // Under another room's number.
        (other, record, InvalidBytes::Damaged),
    ] {
        let stored = StoredRoom { record: kept, ..StoredRoom::new(id) };
        *records.kept.lock().unwrap() = HashMap::from([(id, stored)]);
        let refused =
            builder().open_store(records.clone(), &Secret::new("kept")).await.err().unwrap();
        let StoreError::Record { room, error } = refused else { panic!("{refused}") };
        assert_eq!((room, error), (id, expected));
    }
}

#[tokio::test]
async fn a_drain_waits_for_the_last_changes() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room = api.room().await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let saves = || records.saves.load(Ordering::Relaxed);
    records.become_so(Mood::Hanging);
    let before = saves();
    let handle = server.server().handle();
    let draining = tokio::spawn(async move { handle.drain().await });
    assert_eq!(guest.hear().await["type"], "server_draining");
    assert_eq!(guest.closed().await, 4001);
    until(|| records.is_hanging.load(Ordering::Relaxed)).await;
    // Everybody is disconnected, so that nothing but the store is waited for.
    sleep(Duration::from_secs(1)).await;
    assert!(!draining.is_finished());
    records.become_so(Mood::Well);
    draining.await.unwrap();
    assert!(saves() > before);
}

#[tokio::test]
async fn a_drain_waits_for_a_store_that_fails_to_work_again() {
    let records = Records::default();
    let (api, server) = records.serve().await;
    let room: RoomId = api.room().await.id.parse().unwrap();
    records.become_so(Mood::Failing);
    let handle = server.server().handle();
    // What is answered while the store fails is saved later.
    handle.close_room(room).await.unwrap();
    let draining = tokio::spawn(async move { handle.drain().await });
    sleep(Duration::from_millis(1500)).await;
    assert!(!draining.is_finished());
    records.become_so(Mood::Well);
    draining.await.unwrap();
    drop(server);
    let (_api, server) = records.serve().await;
    assert!(server.server().handle().room(room).is_none(), "it is closed");
}
