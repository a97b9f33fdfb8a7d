//! `POST /api/webrtc/rooms/{room_id}/join`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use signal_server::Limits;

use crate::common::{Api, Room, answer, builder, keys, pass, text};

fn password(room: &Room) -> Value {
    json!({"password": room.password})
}

/// Some password that is not the room's.
fn wrong_password(room: &Room) -> Value {
    json!({"password": if room.password == "000000" { "000001" } else { "000000" }})
}

#[tokio::test]
async fn whoever_knows_the_password_gets_an_id_a_token_and_the_rooms_name() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"name": "小明的房间"})).await;
    let joined = api.join(&room.id, &password(&room)).await.data();
    assert_eq!(
        keys(&joined),
        ["ice_servers", "participant_id", "room_name", "token_expires_at", "ws_token"]
    );
    let id = text(&joined["participant_id"]);
    let suffix = id.strip_prefix("p_").unwrap();
    assert_eq!(suffix.len(), 8);
    assert!(suffix.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()), "{id}");
    assert_eq!(joined["room_name"], "小明的房间");
    assert_eq!(joined["ice_servers"], json!([]));
    let token = text(&joined["ws_token"]);
    let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    assert!(token.bytes().all(url_safe), "{token}");
    let expires_at = text(&joined["token_expires_at"]);
    assert!(expires_at.len() == 20 && expires_at.ends_with('Z'), "{expires_at}");
}

#[tokio::test]
async fn a_room_is_found_in_any_case() {
    let api = Api::start().await;
    let room = api.room().await;
    let lower = room.id.to_lowercase();
    let joined = api.join(&lower, &password(&room)).await.data();
    let mut guest = api.attach(&lower, &text(&joined["ws_token"])).await;
    assert_eq!(guest.joined().await, text(&joined["participant_id"]));
}

#[tokio::test]
async fn the_invite_serves_instead_of_the_password() {
    let api = Api::start().await;
    let created = api.create(&json!({})).await.data();
    let room = text(&created["room_id"]);
    api.join(&room, &json!({"invite_token": created["invite_token"]})).await.data();
    assert_eq!(api.join(&room, &json!({"invite_token": "x"})).await.refused().0, 401);
}

#[tokio::test]
async fn a_name_of_nothing_visible_becomes_guest() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    for (name, shown) in [
        (json!(null), "访客"),
        (json!(""), "访客"),
        (json!(" \u{200b}"), "访客"),
        (json!(" 小\t红 "), "小 红"),
    ] {
        let body = json!({"password": room.password, "display_name": name});
        let token = text(&api.join(&room.id, &body).await.data()["ws_token"]);
        let mut guest = api.attach(&room.id, &token).await;
        guest.joined().await;
        assert_eq!(creator.hear().await["participant"]["name"], shown);
        guest.close().await;
        assert_eq!(creator.hear().await["type"], "peer_left");
    }
}

#[tokio::test]
async fn a_bad_argument_is_named_and_costs_no_guess() {
    let api = Api::start().await;
    let room = api.room().await;
    for (field, body) in [
        ("password", json!({})),
        ("password", json!({"password": 123_456})),
        ("display_name", json!({"password": room.password, "display_name": "x".repeat(33)})),
        ("display_name", json!({"password": room.password, "display_name": 7})),
    ] {
        for _ in 0..10 {
            let answer = api.join(&room.id, &body).await;
            assert_eq!(answer.refused(), (400, "invalid_argument"), "{body}");
            assert!(answer.message().contains(field), "{field} is not named in {answer:?}");
        }
    }
    api.join(&room.id, &password(&room)).await.data();
}

#[tokio::test]
async fn a_room_that_is_not_there_is_404() {
    let api = Api::start().await;
    let room = api.room().await;
    let other = if room.id == "222222" { "333333" } else { "222222" };
    for path in [other, "x", "00000I", "%ff%ff%ff", "2222222"] {
        let answer = api.join(path, &password(&room)).await;
        assert_eq!(answer.refused(), (404, "room_not_found"), "{path}");
        assert_eq!(answer.message(), "房间不存在");
    }
}

#[tokio::test]
async fn a_full_room_is_400_and_told_only_to_those_who_know_the_password() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"max_participants": 2})).await;
    let late = api.ws_token(&room, "late").await;
    let (mut guest, guest_id) = api.guest(&room, "guest").await;
    let full = api.join(&room.id, &password(&room)).await;
    assert_eq!(full.refused(), (400, "room_full"));
    assert_eq!(full.message(), "房间已满");
    assert_eq!(api.join(&room.id, &wrong_password(&room)).await.refused(), (401, "wrong_password"));

    // A token from before does not help: the seat is taken at the WebSocket.
    let mut refused = api.attach(&room.id, &late).await;
    assert_eq!(refused.error().await, "room_full");
    assert_eq!(refused.closed().await, 4504);

    // The creator's seat is kept free, and a guest's seat is free again when it leaves.
    let (mut creator, _) = api.creator(&room).await;
    assert_eq!(guest.hear().await["type"], "peer_joined");
    guest.close().await;
    assert_eq!(creator.hear().await, json!({"type": "peer_left", "participant_id": guest_id}));
    api.join(&room.id, &password(&room)).await.data();
}

#[tokio::test]
async fn a_room_for_one_is_the_creators_alone() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"max_participants": 1})).await;
    assert_eq!(api.join(&room.id, &password(&room)).await.refused(), (400, "room_full"));
    api.creator(&room).await;
}

#[tokio::test]
async fn an_expired_room_is_400_for_a_day_and_then_404() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"expires_minutes": 1})).await;
    pass(Duration::from_secs(59)).await;
    api.join(&room.id, &password(&room)).await.data();

    pass(Duration::from_secs(2)).await;
    let expired = api.join(&room.id, &password(&room)).await;
    assert_eq!(expired.refused(), (400, "room_expired"));
    assert_eq!(expired.message(), "房间已过期");
    assert_eq!(api.join(&room.id, &wrong_password(&room)).await.refused(), (401, "wrong_password"));
    assert_eq!(api.close(&room.id, &room.access_token).await.refused(), (400, "room_expired"));
    assert_eq!(
        api.close(&room.id, &api.access_token("mallory")).await.refused(),
        (403, "forbidden")
    );

    pass(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(api.join(&room.id, &password(&room)).await.refused(), (404, "room_not_found"));
    assert_eq!(api.close(&room.id, &room.access_token).await.refused(), (404, "room_not_found"));
}

#[tokio::test]
async fn no_login_is_needed_and_none_helps() {
    let api = Api::start().await;
    let room = api.room().await;
    let path = format!("/api/webrtc/rooms/{}/join", room.id);
    let request = api
        .request(Method::POST, &path)
        .bearer_auth(&room.access_token)
        .json(&wrong_password(&room));
    assert_eq!(answer(request).await.refused(), (401, "wrong_password"));
}

#[tokio::test]
async fn a_missing_password_is_no_failure_of_its_address_whatever_the_room() {
    let api =
        Api::start_with(builder().limits(Limits::with(|limits| limits.failed_joins = 1)).unwrap())
            .await;
    let room = api.room().await;
    for id in [room.id.as_str(), "222222", "no-room"].repeat(2) {
        assert_eq!(api.join(id, &json!({})).await.refused(), (400, "invalid_argument"), "{id}");
    }
    api.join(&room.id, &json!({"password": room.password})).await.data();
}
