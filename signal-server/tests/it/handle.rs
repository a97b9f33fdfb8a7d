//! How the embedding code inspects and manages rooms.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::{Value, json};
use signal_core::{Timestamp, wire};
use signal_server::{
    Capacity, CreateRoom, CreateRoomError, CreatedRoom, DisplayName, KickError, Lifetime, Limits,
    OnCreatorLeave, RoomId, RoomNotFound,
};

use crate::common::{self, Api, builder, pass, text, until};

fn id(room: &common::Room) -> RoomId {
    room.id.parse().unwrap()
}

fn new_room(creator: &str) -> CreateRoom {
    CreateRoom::new(creator, DisplayName::parse("stand-up").unwrap().unwrap())
}

/// A room of alice's, as the other tests know rooms.
fn known(api: &Api, created: &CreatedRoom) -> common::Room {
    let access_token = api.access_token("alice");
    common::Room {
        id: created.room.id.to_string(),
        password: created.credentials.password.clone().unwrap(),
        access_token,
    }
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
    assert_eq!(
        (room.id, &*room.name, room.creator.as_deref()),
        (number, "stand-up", Some("alice"))
    );
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
        let seat = |seat: signal_server::ParticipantSummary| {
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
async fn a_room_that_the_application_creates_is_its_creators_over_http() {
    let public = "https://example.com".parse().unwrap();
    let api = Api::start_with(builder().public_url(public)).await;
    let mut new = new_room("alice");
    new.capacity = Capacity::new(3).unwrap();
    new.lifetime = Lifetime::new(Duration::from_secs(5 * 60)).unwrap();
    new.on_creator_leave = OnCreatorLeave::Keep;
    let created = api.server().handle().create_room(new).await.unwrap();
    assert_eq!(api.server().handle().rooms(), std::slice::from_ref(&created.room));

    let room = known(&api, &created);
    let shown = api.ask(Method::GET, &room, "").await.data();
    let ends = text(&shown["expires_at"]);
    assert_eq!(wire_time(created.room.expires_at), ends);
    let expected = json!({
        "room_id": room.id, "name": "stand-up", "max_participants": 3, "participant_count": 0, "locked": false,
        "on_creator_leave": "keep", "created_at": shown["created_at"], "expires_at": ends, "participants": [],
        "password_attempts_left": 20,
    });
    assert_eq!(shown, expected);
    let (mut creator, _) = api.creator(&room).await;
    api.guest(&room, "by password").await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    let invite = json!({"invite_token": created.credentials.invite_token});
    let invited = text(&api.join(&room.id, &invite).await.data()["ws_token"]);
    api.enter_v2(&room, &invited).await;
    let link = format!("https://example.com/{}#{}", room.id, created.credentials.invite_token);
    assert_eq!(created.credentials.join_url, Some(link));

    let bob = common::Room { access_token: api.access_token("bob"), ..known(&api, &created) };
    assert_eq!(api.change(&bob, &json!({"locked": true})).await.refused(), (403, "forbidden"));
    assert_eq!(api.change(&room, &json!({"locked": true})).await.data()["locked"], true);
}

#[tokio::test]
async fn a_creator_has_so_many_rooms_whoever_creates_them() {
    let limits = Limits::with(|limits| {
        limits.open_rooms = 2;
        limits.creates_per_minute = 1;
    });
    let api = Api::start_with(builder().limits(limits).unwrap()).await;
    let handle = api.server().handle();
    let first = handle.create_room(new_room("alice")).await.unwrap();
    handle.create_room(new_room("alice")).await.unwrap();
    assert_eq!(handle.create_room(new_room("alice")).await, Err(CreateRoomError::TooManyRooms));
    handle.create_room(new_room("bob")).await.unwrap();
    handle.close_room(first.room.id).await.unwrap();
    handle.create_room(new_room("alice")).await.unwrap();
}

#[tokio::test]
async fn what_opens_a_room_does_not_show_in_a_log() {
    let api = Api::start().await;
    let created = api.server().handle().create_room(new_room("alice")).await.unwrap();
    let shown = format!("{created:?}");
    assert!(shown.contains("stand-up"), "{shown}");
    for secret in [created.credentials.password.unwrap(), created.credentials.invite_token] {
        assert!(!shown.contains(&secret), "{secret} is in {shown}");
    }
}

#[tokio::test]
async fn a_room_that_is_closed_by_the_operator_says_so_and_stays_closed() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut v1, _) = api.creator(&room).await;
    let (mut v2, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    v1.hear().await;
    handle.close_room(id(&room)).await.unwrap();
    assert_eq!(
        v1.hear().await,
        json!({"type": "room_closed", "reason": "有管理权限的人或运维人员关闭了房间"})
    );
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
    assert_eq!(
        handle.kick(id(&room), parsed("p_nobody")).await,
        Err(KickError::ParticipantNotFound)
    );
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
async fn whoever_is_banned_comes_back_by_the_new_password_only() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let created = handle.create_room(new_room("alice")).await.unwrap();
    let room = known(&api, &created);
    let (_creator, creator_id) = api.creator(&room).await;
    let (mut guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let number = created.room.id;
    let parsed = |id: &Value| text(id).parse().unwrap();
    let guest_id = parsed(&joined["participant_id"]);
    assert_eq!(
        handle.ban(number, "p_nobody".parse().unwrap()).await,
        Err(KickError::ParticipantNotFound)
    );
    assert_eq!(handle.ban(number, creator_id.parse().unwrap()).await, Err(KickError::CreatorStays));
    assert_eq!(handle.ban("222222".parse().unwrap(), guest_id).await, Err(KickError::RoomNotFound));

    let pass = handle.ban(number, guest_id).await.unwrap();
    assert_eq!(guest.hear().await["type"], "kicked");
    assert_eq!(guest.closed().await, 4511);
    let old_password = api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(old_password.refused(), (401, "wrong_password"));
    let old_invite =
        api.join(&room.id, &json!({"invite_token": created.credentials.invite_token})).await;
    assert_eq!(old_invite.refused(), (401, "invite_void"));
    for body in [json!({"password": pass.password}), json!({"invite_token": pass.invite_token})] {
        api.join(&room.id, &body).await.data();
    }

    for _ in 0..20 {
        handle.ban(number, guest_id).await.unwrap();
    }
    handle.close_room(number).await.unwrap();
    assert_eq!(handle.ban(number, guest_id).await, Err(KickError::RoomNotFound));
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
    let stopped = api.server().handle().create_room(new_room("alice")).await;
    assert_eq!(stopped, Err(CreateRoomError::Stopping));
    assert_eq!(api.create(&json!({})).await.refused(), (503, "unavailable"));
}

#[tokio::test]
async fn a_handle_keeps_no_server_alive_and_finds_no_rooms_after_it() {
    let server = builder().build();
    let handle = server.handle();
    drop(server);
    assert_eq!((handle.rooms(), handle.counts().rooms), (vec![], 0));
    assert_eq!(handle.close_room("222222".parse().unwrap()).await, Err(RoomNotFound));
    assert_eq!(handle.create_room(new_room("alice")).await, Err(CreateRoomError::Stopping));
    handle.drain().await;
}
