//! What the code around a server sees of its rooms, and does to them.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime};

use common::{Api, builder, pass, text, until};
use serde_json::json;
use signal_core::{Timestamp, wire};
use signal_server::{KickError, RoomId, RoomNotFound};

fn id(room: &common::Room) -> RoomId {
    room.id.parse().unwrap()
}

fn wire_time(at: SystemTime) -> String {
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    wire::rfc3339(Timestamp::from_millis(0) + Duration::from_secs(since_epoch.as_secs()))
}

#[tokio::test]
async fn a_room_is_listed_with_whoever_is_in_it_until_it_ends() {
    let api = Api::start().await;
    let handle = api.server().handle();
    assert_eq!((handle.rooms(), handle.counts().rooms), (vec![], 0));
    let created = api.create(&json!({"name": "stand-up", "max_participants": 3})).await.data();
    let number: RoomId = text(&created["room_id"]).parse().unwrap();
    let room = handle.room(number).unwrap();
    assert_eq!((room.id, room.name.as_str(), room.creator.as_str()), (number, "stand-up", "alice"));
    assert_eq!((room.max_participants, room.locked, room.participants.len()), (3, false, 0));
    assert_eq!(wire_time(room.expires_at), text(&created["expires_at"]));

    let room = common::Room {
        id: text(&created["room_id"]),
        password: text(&created["password"]),
        access_token: api.access_token("alice"),
    };
    let (_creator, creator_id) = api.creator(&room).await;
    let (guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "小红").await).await;
    let other = api.room().await;
    let seats = || {
        let seat = |seat: signal_server::ParticipantInfo| {
            (seat.id.to_string(), seat.name, seat.is_creator, seat.connected)
        };
        handle.room(number).unwrap().participants.into_iter().map(seat).collect::<Vec<_>>()
    };
    let guest_id = text(&joined["participant_id"]);
    let both = |connected| {
        [
            (creator_id.clone(), "alice".to_owned(), true, true),
            (guest_id.clone(), "小红".to_owned(), false, connected),
        ]
    };
    assert_eq!(seats(), both(true));
    let counts = handle.counts();
    assert_eq!((counts.rooms, counts.participants), (2, 2));
    assert!(counts.connections >= 2, "{counts:?}");
    drop(guest);
    until(|| seats() == both(false)).await;

    let listed: Vec<_> = handle.rooms().into_iter().map(|room| room.id).collect();
    let mut expected = vec![number, id(&other)];
    expected.sort();
    assert_eq!(listed, expected);
    api.close(&room.id, &room.access_token).await.data();
    assert_eq!(handle.room(number), None);
    assert_eq!(handle.rooms().len(), 1);
}

#[tokio::test]
async fn a_room_that_is_closed_by_the_administrator_says_so_and_stays_closed() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut v1, _) = api.creator(&room).await;
    let (mut v2, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    v1.hear().await;
    handle.close_room(id(&room)).await.unwrap();
    assert_eq!(v1.hear().await, json!({"type": "room_closed", "reason": "管理员关闭了房间"}));
    let told = v2.hear().await;
    assert_eq!((&told["type"], &told["code"]), (&json!("room_closed"), &json!("admin")));
    assert_eq!((v1.closed().await, v2.closed().await), (4503, 4503));
    let body = json!({"password": room.password});
    assert_eq!(api.join(&room.id, &body).await.refused(), (404, "room_not_found"));
    for room in [id(&room), "222222".parse().unwrap()] {
        assert_eq!(handle.close_room(room).await, Err(RoomNotFound));
        assert_eq!(handle.room(room), None);
    }
    let expiring = api.room_with(&json!({"expires_minutes": 1})).await;
    pass(Duration::from_secs(61)).await;
    assert_eq!(handle.close_room(id(&expiring)).await, Err(RoomNotFound));
}

#[tokio::test]
async fn whoever_is_put_out_is_told_and_comes_back_by_password_only() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let token = api.ws_token(&room, "guest").await;
    let (mut guest, joined) = api.enter_v2(&room, &token).await;
    let guest_id = text(&joined["participant_id"]);
    creator.hear().await;
    let parsed = |id: &str| id.parse().unwrap();
    assert_eq!(handle.kick(id(&room), parsed("p_nobody")).await, Err(KickError::ParticipantNotFound));
    assert_eq!(handle.kick(id(&room), parsed(&creator_id)).await, Err(KickError::CreatorStays));
    let elsewhere = "222222".parse().unwrap();
    assert_eq!(handle.kick(elsewhere, parsed(&guest_id)).await, Err(KickError::RoomNotFound));

    handle.kick(id(&room), parsed(&guest_id)).await.unwrap();
    assert_eq!(guest.hear().await["type"], "kicked");
    assert_eq!(guest.closed().await, 4511);
    assert_eq!(creator.hear().await, json!({"type": "peer_left", "participant_id": guest_id}));
    let mut again = api.attach(&room.id, &token).await;
    assert_eq!((again.error().await.as_str(), again.closed().await), ("token_invalid", 4500));
    api.guest(&room, "guest").await;
    handle.close_room(id(&room)).await.unwrap();
    assert_eq!(handle.kick(id(&room), parsed(&guest_id)).await, Err(KickError::RoomNotFound));
}

#[tokio::test]
async fn a_handle_drains_its_server() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let handle = api.server().handle();
    let sent_away = async move {
        assert_eq!(guest.hear().await["type"], "server_draining");
        assert_eq!(guest.closed().await, 4001);
        drop(guest);
    };
    tokio::join!(handle.drain(), sent_away);
    assert_eq!(api.create(&json!({})).await.refused(), (503, "unavailable"));
}

#[tokio::test]
async fn a_handle_keeps_no_server_alive_and_finds_no_rooms_after_it() {
    let server = builder().build();
    let handle = server.handle();
    drop(server);
    assert_eq!((handle.rooms(), handle.counts().rooms), (vec![], 0));
    assert_eq!(handle.close_room("222222".parse().unwrap()).await, Err(RoomNotFound));
    handle.drain().await;
}
