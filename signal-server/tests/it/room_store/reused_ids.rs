//! A room takes the id of an earlier one while the store fails.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use signal_core::room::{Room, Status};
use signal_server::{CreateRoom, CreateRoomError, DisplayName, Lifetime, RoomId};
use tokio::time::sleep;

use super::records::{Mood, Records};
use crate::common::until;

fn own_room(id: &str) -> CreateRoom {
    let mut new = CreateRoom::without_creator(DisplayName::parse("daily").unwrap().unwrap());
    new.id = Some(RoomId::chosen(id).unwrap());
    new
}

#[tokio::test]
async fn a_room_that_cannot_be_saved_does_not_bring_an_earlier_one_with_its_id_back() {
    let records = Records::default();
    let (_api, server) = records.serve().await;
    let handle = server.server().handle();
    let id = handle.create_room(own_room("daily")).await.unwrap().room.id;
    // While the store is busy, further changes wait together.
    records.become_so(Mood::Hanging);
    let create = |id: &'static str| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.create_room(own_room(id)).await })
    };
    let other = create("other");
    until(|| records.is_hanging.load(Ordering::Relaxed)).await;
    let closing = tokio::spawn({
        let handle = handle.clone();
        async move { handle.close_room(id).await }
    });
    until(|| handle.room(id).is_none()).await;
    let again = create("daily");
    sleep(Duration::from_millis(100)).await;
    records.become_so(Mood::Failing);
    for created in [other, again] {
        assert_eq!(created.await.unwrap().unwrap_err(), CreateRoomError::NotSaved);
    }
    closing.await.unwrap().unwrap();
    records.become_so(Mood::Well);
    let is_open = || {
        let kept = records.kept.lock().unwrap();
        let room = kept.get(&id).map(|stored| Room::from_record(&stored.record).unwrap());
        room.is_some_and(|room| room.status() == Status::Open)
    };
    until(|| !is_open()).await;
    handle.create_room(own_room("daily")).await.unwrap();
    assert!(is_open());
}

#[tokio::test]
async fn a_room_that_waits_for_the_end_of_an_earlier_one_loses_no_time() {
    let records = Records::default();
    let (_api, server) = records.serve().await;
    let handle = server.server().handle();
    let id = handle.create_room(own_room("daily")).await.unwrap().room.id;
    records.become_so(Mood::Hanging);
    let closing = tokio::spawn({
        let handle = handle.clone();
        async move { handle.close_room(id).await }
    });
    until(|| handle.room(id).is_none()).await;
    let again = tokio::spawn({
        let handle = handle.clone();
        async move { handle.create_room(own_room("daily")).await }
    });
    sleep(Duration::from_millis(500)).await;
    let earliest = SystemTime::now();
    records.become_so(Mood::Well);
    closing.await.unwrap().unwrap();
    let expires_at = again.await.unwrap().unwrap().room.expires_at;
    // The clock of the server has milliseconds.
    let lifetime = Lifetime::default().duration() - Duration::from_millis(50);
    assert!(expires_at >= earliest + lifetime, "{expires_at:?}");
}
