//! Messages that a socket may send, and what the server does with them.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::{self, Api, Participant, keys};

/// A guest, and the creator it can send to.
async fn pair(api: &Api) -> ((Participant, String), (Participant, String)) {
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let guest = api.guest(&room, "guest").await;
    creator.hear().await;
    (guest, (creator, creator_id))
}

#[tokio::test]
async fn a_malformed_message_is_told_so_and_the_connection_lives() {
    let api = Api::start().await;
    let ((mut guest, guest_id), (mut creator, creator_id)) = pair(&api).await;
    let bad = [
        "".to_owned(),
        "x".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"type":7}"#.to_owned(),
        r#"{"type":"offer"}"#.to_owned(),
        format!(r#"{{"type":"offer","to":"{creator_id}"}}"#),
        format!(r#"{{"type":"offer","to":"{creator_id}","sdp":"x""#),
        format!(r#"{{"type":"offer","type":"offer","to":"{creator_id}","sdp":"x"}}"#),
        format!(r#"{{"type":"candidate","to":["{creator_id}"],"candidate":{{}}}}"#),
    ];
    for text in bad {
        guest.say_text(&text).await;
        let error = guest.hear().await;
        assert_eq!(keys(&error), ["code", "message", "type"], "{text}");
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!("invalid_message")),
            "{text}"
        );
        assert!(common::text(&error["message"]).starts_with("消息格式无效"), "{error}");
    }
    guest.send(Message::binary(r#"{"type":"leave"}"#)).await;
    assert_eq!(guest.error().await, "invalid_message");

    guest.say(&json!({"type": "offer", "to": creator_id, "sdp": "x"})).await;
    assert_eq!(creator.hear().await, json!({"type": "offer", "from": guest_id, "sdp": "x"}));
}

#[tokio::test]
async fn an_unknown_type_is_told_so_and_so_is_one_that_only_v2_has() {
    let api = Api::start().await;
    let ((mut guest, _), _creator) = pair(&api).await;
    for message in [
        json!({"type": "hello"}),
        json!({"type": "ping", "t": 1}),
        json!({"type": "message", "to": "room", "topic": "chat", "data": "x"}),
        json!({"type": "joined"}),
    ] {
        guest.say_text(&message.to_string()).await;
        assert_eq!(guest.error().await, "unknown_type", "{message}");
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_told_so_and_one_at_it_arrives() {
    let api = Api::start().await;
    let ((mut guest, _), (mut creator, creator_id)) = pair(&api).await;
    let frame = r#"{"type":"offer","to":"","sdp":""}"#.len() + creator_id.len();
    let sdp = "x".repeat(64 * 1024 - frame);
    guest.say_text(&format!(r#"{{"type":"offer","to":"{creator_id}","sdp":"{sdp}x"}}"#)).await;
    assert_eq!(guest.error().await, "message_too_large");
    guest.say_text(&format!(r#"{{"type":"offer","to":"{creator_id}","sdp":"{sdp}"}}"#)).await;
    assert_eq!(creator.hear().await["sdp"], sdp);
}

#[tokio::test]
async fn an_addressee_that_is_absent_or_oneself_is_told_so() {
    let api = Api::start().await;
    let ((mut guest, guest_id), (mut creator, _)) = pair(&api).await;
    for (to, code) in
        [("p_00000000", "peer_not_found"), ("小明", "peer_not_found"), (&guest_id, "self_target")]
    {
        guest
            .say_text(&json!({"type": "candidate", "to": to, "candidate": null}).to_string())
            .await;
        assert_eq!(guest.error().await, code, "{to}");
    }
    creator.expect_nothing_waiting().await;
}

#[tokio::test]
async fn a_sender_cannot_pass_for_somebody_else() {
    let api = Api::start().await;
    let ((mut guest, guest_id), (mut creator, creator_id)) = pair(&api).await;
    guest
        .say(&json!({"type": "offer", "from": "p_forged00", "to": creator_id, "sdp": "x", "extra": 1}))
        .await;
    assert_eq!(creator.hear().await, json!({"type": "offer", "from": guest_id, "sdp": "x"}));
}

#[tokio::test]
async fn of_two_offers_that_cross_the_first_is_delivered_and_the_other_side_told() {
    let api = Api::start().await;
    let ((mut guest, guest_id), (mut creator, creator_id)) = pair(&api).await;
    creator.say(&json!({"type": "offer", "to": guest_id, "sdp": "creator's"})).await;
    assert_eq!(guest.hear().await["sdp"], "creator's");
    guest.say(&json!({"type": "offer", "to": creator_id, "sdp": "guest's"})).await;
    assert_eq!(guest.error().await, "offer_conflict");
    guest.say(&json!({"type": "answer", "to": creator_id, "sdp": "answer"})).await;
    assert_eq!(creator.hear().await, json!({"type": "answer", "from": guest_id, "sdp": "answer"}));
}

#[tokio::test]
async fn errors_come_in_the_language_of_the_handshake() {
    let api = Api::start().await;
    let room = api.room().await;
    let mut request = api.socket_url(&room.id, &room.access_token).into_client_request().unwrap();
    request.headers_mut().insert("accept-language", "en".parse().unwrap());
    let (mut creator, _) = Participant::connect(request).await.unwrap();
    creator.joined().await;
    creator.say_text("x").await;
    let message = common::text(&creator.hear().await["message"]);
    assert!(message.starts_with("the message is malformed"), "{message}");
    api.close(&room.id, &room.access_token).await.data();
    assert_eq!(creator.hear().await["reason"], "the creator closed the room");
}

#[tokio::test]
async fn repeated_bad_messages_end_the_connection_as_a_leave() {
    let api = Api::start().await;
    let ((mut guest, guest_id), (mut creator, _)) = pair(&api).await;
    for _ in 0..60 {
        guest.say_text("x").await;
    }
    assert_eq!(guest.read_until_closed().await, 4501);
    assert_eq!(creator.hear().await, json!({"type": "peer_left", "participant_id": guest_id}));
}
