//! How rooms end: the creator deletes or leaves them, or their time is over.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::common::{Api, answer, pass};

#[tokio::test]
async fn a_delete_closes_the_room_for_everybody() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    creator.hear().await;
    let late = api.ws_token(&room, "late").await;

    api.close(&room.id, &room.access_token).await.data();
    for participant in [&mut creator, &mut guest] {
        assert_eq!(
            participant.hear().await,
            json!({"type": "room_closed", "reason": "创建者关闭了房间"})
        );
        assert_eq!(participant.closed().await, 4503);
    }
    assert_eq!(api.close(&room.id, &room.access_token).await.refused(), (404, "room_not_found"));
    for token in [&late, &room.access_token] {
        let mut socket = api.attach(&room.id, token).await;
        assert_eq!(socket.error().await, "room_closed");
        assert_eq!(socket.closed().await, 4503);
    }
}

#[tokio::test]
async fn only_the_creator_may_delete() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    let path = format!("/api/webrtc/rooms/{}", room.id);
    assert_eq!(answer(api.request(Method::DELETE, &path)).await.refused(), (401, "unauthorized"));
    let guest = api.ws_token(&room, "guest").await;
    assert_eq!(api.close(&room.id, &guest).await.refused(), (401, "unauthorized"));
    assert_eq!(api.close(&room.id, &api.access_token("bob")).await.refused(), (403, "forbidden"));
    assert_eq!(api.close("222222", &room.access_token).await.refused(), (404, "room_not_found"));
    creator.expect_nothing_waiting().await;
}

#[tokio::test]
async fn the_creators_leave_closes_the_room() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    creator.hear().await;
    creator.say(&json!({"type": "leave"})).await;
    assert_eq!(guest.hear().await["type"], "room_closed");
    assert_eq!(guest.closed().await, 4503);
    assert_eq!(creator.closed().await, 1000);
    assert_eq!(
        api.join(&room.id, &json!({"password": room.password})).await.refused(),
        (404, "room_not_found")
    );
}

#[tokio::test]
async fn the_creators_lost_or_closed_socket_does_not() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    for closes in [false, true] {
        let (mut creator, id) = api.creator(&room).await;
        assert_eq!(guest.hear().await["type"], "peer_joined");
        if closes {
            creator.close().await;
        }
        drop(creator);
        assert_eq!(guest.hear().await, json!({"type": "peer_left", "participant_id": id}));
    }
    api.creator(&room).await;
}

#[tokio::test]
async fn everybody_is_told_when_the_time_is_over() {
    let api = Api::start().await;
    let room = api.room_with(&json!({"expires_minutes": 1})).await;
    pass(Duration::from_secs(50)).await;
    let (mut creator, _) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    creator.hear().await;
    pass(Duration::from_secs(9)).await;
    creator.expect_nothing_waiting().await;

    pass(Duration::from_secs(2)).await;
    for participant in [&mut creator, &mut guest] {
        assert_eq!(
            participant.hear().await,
            json!({"type": "room_closed", "reason": "房间已过期"})
        );
        assert_eq!(participant.closed().await, 4503);
    }
    let mut late = api.attach(&room.id, &room.access_token).await;
    assert_eq!(late.error().await, "room_expired");
    assert_eq!(late.closed().await, 4503);
}
