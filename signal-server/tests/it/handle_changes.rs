//! How the embedding code changes a room.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::json;
use signal_core::identity::Attributes;
use signal_server::{
    Capacity, CreateRoom, DisplayName, InvalidPassword, Lifetime, PasswordChoice, ResizeError,
    RestoreError, RoomEventKind, RoomId, RoomNotFound, RoomPassword, RotateError, SetLifetimeError,
    SetParticipantError,
};

use crate::common::{Api, Room, pass};

fn id(room: &Room) -> RoomId {
    room.id.parse().unwrap()
}

fn minutes(minutes: u64) -> Lifetime {
    Lifetime::new(Duration::from_secs(60 * minutes)).unwrap()
}

#[tokio::test]
async fn a_change_by_the_application_is_told_and_holds_for_whoever_comes() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let number = id(&room);

    handle.set_locked(number, true).await.unwrap();
    assert_eq!(guest.hear().await["room"]["locked"], json!(true));
    let body = json!({"password": room.password});
    assert_eq!(api.join(&room.id, &body).await.refused(), (403, "room_locked"));
    handle.set_locked(number, false).await.unwrap();
    assert_eq!(guest.hear().await["room"]["locked"], json!(false));

    let name = DisplayName::parse("retrospective").unwrap().unwrap();
    handle.rename(number, name).await.unwrap();
    assert_eq!(guest.hear().await["room"]["name"], json!("retrospective"));

    handle.resize(number, Capacity::new(2).unwrap()).await.unwrap();
    assert_eq!(guest.hear().await["room"]["max_participants"], json!(2));
    assert_eq!(api.join(&room.id, &body).await.refused(), (400, "room_full"));

    let before = handle.room(number).unwrap().expires_at;
    let ends = handle.set_lifetime(number, minutes(24 * 60)).await.unwrap();
    assert_eq!(ends.duration_since(before).unwrap(), Duration::from_secs(22 * 60 * 60));
    assert_eq!(guest.hear().await["type"], "room_updated");
    let shown = handle.room(number).unwrap();
    assert_eq!((shown.name.as_str(), shown.max_participants), ("retrospective", 2));
    assert_eq!((shown.expires_at, shown.locked), (ends, false));
}

#[tokio::test]
async fn a_room_is_not_made_to_have_ended_already() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    pass(Duration::from_secs(10 * 60)).await;
    let refused = handle.set_lifetime(id(&room), minutes(5)).await;
    assert_eq!(refused, Err(SetLifetimeError::InThePast));
    assert!(handle.set_lifetime(id(&room), minutes(11)).await.unwrap() > SystemTime::now());
}

#[tokio::test]
async fn a_new_password_voids_the_old_one_and_removes_nobody() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let unused = api.ws_token(&room, "late").await;
    let new = handle.rotate_password(id(&room)).await.unwrap();
    let old = api.join(&room.id, &json!({"password": room.password})).await;
    assert_eq!(old.refused(), (401, "wrong_password"));
    for body in [json!({"password": new.password}), json!({"invite_token": new.invite_token})] {
        api.join(&room.id, &body).await.data();
    }
    assert_eq!(api.attach(&room.id, &unused).await.error().await, "token_invalid");
    guest.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(guest.hear().await["type"], "pong");
}

#[tokio::test]
async fn a_password_may_be_chosen_when_a_room_is_created_and_later() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let name = DisplayName::parse("Stand-up").unwrap().unwrap();
    let mut new = CreateRoom::new("alice", name);
    new.password = Some(PasswordChoice::This(" １２３４５６".parse().unwrap()));
    let created = handle.create_room(new).await.unwrap();
    let room = created.room.id;
    let join =
        async |password: &str| api.join(room.as_str(), &json!({"password": password})).await.status;
    assert_eq!(
        (created.credentials.password.as_deref(), join("123456").await),
        (Some("123456"), 200)
    );
    let next: RoomPassword = "secret".parse().unwrap();
    assert_eq!(handle.set_password(room, next.clone()).await.unwrap().password.unwrap(), "secret");
    assert_eq!((join("123456").await, join("secret").await), (401, 200));
    assert_eq!(handle.set_password(room, next.clone()).await, Err(RotateError::Unchanged));
    assert!(!format!("{next:?}").contains("secret"));
    for text in ["", "12345", "1234567", "密码密码密码"] {
        assert_eq!(text.parse::<RoomPassword>(), Err(InvalidPassword), "{text}");
    }
}

#[tokio::test]
async fn data_of_a_room_is_in_lists_and_events_and_no_participant_sees_it() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut guest, _) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let mut events = handle.events();
    let data = Attributes::new([("meeting", "17")]).unwrap();
    handle.set_data(id(&room), data.clone()).await.unwrap();
    assert_eq!(handle.room(id(&room)).unwrap().data.as_ref(), Some(&data));
    let event = events.next().await.unwrap().unwrap();
    assert_eq!(event.data.as_ref(), Some(&data));
    let RoomEventKind::Changed(changed) = event.kind else { panic!("{event:?}") };
    assert_eq!(changed.data, Some(data));
    guest.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(guest.hear().await["type"], "pong");
}

#[tokio::test]
async fn attempts_are_restored_ten_times() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let left = async || {
        let shown = api.ask(Method::GET, &room, "").await.data();
        shown["password_attempts_left"].as_u64().unwrap()
    };
    for _ in 0..10 {
        let wrong = api.join(&room.id, &json!({"password": "!wrong"})).await;
        assert_eq!(wrong.refused(), (401, "wrong_password"));
        assert_eq!(left().await, 19);
        handle.restore_attempts(id(&room)).await.unwrap();
        assert_eq!(left().await, 20);
        // An address has few failures of its own.
        pass(Duration::from_secs(7 * 60)).await;
    }
    assert_eq!(handle.restore_attempts(id(&room)).await, Err(RestoreError::Exhausted));
}

#[tokio::test]
async fn what_is_over_is_not_changed() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let closed = api.room().await;
    api.close(&closed.id, &closed.access_token).await.data();
    for room in [id(&closed), "222222".parse().unwrap()] {
        assert_eq!(handle.set_locked(room, true).await, Err(RoomNotFound));
        let name = DisplayName::parse("late").unwrap().unwrap();
        assert_eq!(handle.rename(room, name).await, Err(RoomNotFound));
        assert_eq!(handle.resize(room, Capacity::default()).await, Err(ResizeError::RoomNotFound));
        let extended = handle.set_lifetime(room, minutes(60)).await;
        assert_eq!(extended, Err(SetLifetimeError::RoomNotFound));
        assert_eq!(handle.rotate_password(room).await.err(), Some(RotateError::RoomNotFound));
        assert_eq!(handle.restore_attempts(room).await, Err(RestoreError::RoomNotFound));
        assert_eq!(handle.set_data(room, Attributes::default()).await, Err(RoomNotFound));
        let nobody = "p_zzzy0001".parse().unwrap();
        let set = handle.set_attributes(room, nobody, Attributes::default()).await;
        assert_eq!(set, Err(SetParticipantError::RoomNotFound));
        let name = DisplayName::parse("late").unwrap().unwrap();
        let set = handle.set_name(room, nobody, name).await;
        assert_eq!(set, Err(SetParticipantError::RoomNotFound));
    }
}
