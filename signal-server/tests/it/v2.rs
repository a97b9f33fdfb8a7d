//! The second protocol version over real sockets: its features, and seats that outlive their
//! sockets.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::{self, Api, Participant, Room, text};

#[tokio::test]
async fn joined_tells_everything_a_newcomer_needs() {
    let api = Api::start_with(common::builder().stun(["stun:stun.example.com:3478".into()])).await;
    let room = api.room_with(&json!({"name": "小明的房间", "max_participants": 5})).await;
    let (_creator, creator_id) = api.creator(&room).await;
    let (_, joined) = enter(&api, &room).await;
    assert_eq!(joined["v"], 2);
    assert_eq!(
        joined["participants"],
        json!([{"id": creator_id, "name": "alice", "is_creator": true, "connected": true}])
    );
    let expected =
        json!({"id": room.id, "name": "小明的房间", "max_participants": 5, "locked": false});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&joined["room"][field], value, "{field}");
    }
    assert_eq!(joined["ice_servers"], json!([{"urls": ["stun:stun.example.com:3478"]}]));
    assert_eq!(joined["resume_grace_ms"], 30_000);
    // 256 random bits.
    assert!(text(&joined["resume_token"]).len() >= 43, "{joined}");
    for time in [&joined["room"]["expires_at"], &joined["ice_expires_at"], &joined["server_time"]] {
        assert!(text(time).ends_with('Z'), "{time}");
    }
}

#[tokio::test]
async fn an_unknown_version_gets_the_highest_and_none_the_first() {
    let api = Api::start().await;
    let room = api.room().await;
    for (query, v) in
        [("&v=2", json!(2)), ("&v=7", json!(2)), ("&v=1", Value::Null), ("", Value::Null)]
    {
        let token = api.ws_token(&room, "guest").await;
        let url = api.socket_url(&room.id, &token) + query;
        let (mut guest, _) = Participant::connect(url).await.unwrap();
        assert_eq!(guest.hear().await["v"], v, "{query}");
    }
}

#[tokio::test]
async fn a_socket_that_breaks_is_resumed_with_what_was_missed() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut creator, _) = api.creator(&room).await;
    let (lost, joined) = enter(&api, &room).await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    let id = text(&joined["participant_id"]);
    // Without a close frame.
    drop(lost);
    creator.say(&json!({"type": "offer", "to": id, "sdp": "missed"})).await;
    let (mut back, resumed) = resume(&api, &room, &text(&joined["resume_token"]), 1).await;
    assert_eq!(
        [&resumed["type"], &resumed["replayed"], &resumed["received"]],
        [&json!("resumed"), &json!(1), &json!(0)]
    );
    assert_eq!(back.hear().await["sdp"], "missed");
    back.say(&json!({"type": "answer", "to": creator_id(&joined), "sdp": "answer"})).await;
    // The creator, who speaks v1, has seen nobody leave or come.
    assert_eq!(creator.hear().await["type"], "answer");
}

#[tokio::test]
async fn a_resume_token_may_travel_as_a_subprotocol() {
    let api = Api::start().await;
    let room = api.room().await;
    let (lost, joined) = enter(&api, &room).await;
    drop(lost);
    let mut request =
        format!("{}&last_seq=1", api.socket_url(&room.id, "")).into_client_request().unwrap();
    let protocols = format!("rooms, resume.{}", text(&joined["resume_token"]));
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (mut back, handshake) = Participant::connect(request).await.unwrap();
    assert_eq!(handshake.headers()["sec-websocket-protocol"], "rooms");
    assert_eq!(back.hear().await["type"], "resumed");
}

#[tokio::test]
async fn a_token_that_resumes_nothing_is_refused_with_the_way_out() {
    let api = Api::start().await;
    let room = api.room().await;
    let unknown =
        Room { id: "ZZZZZZ".into(), password: String::new(), access_token: String::new() };
    for room in [&room, &unknown] {
        let (mut refused, error) = resume(&api, room, "no such token", 0).await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("resume_failed")));
        assert_eq!(refused.closed().await, 4510);
    }
}

#[tokio::test]
async fn messages_updates_and_pings_work_between_those_who_speak_v2() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut a, joined_a) = enter(&api, &room).await;
    let (mut b, _) = enter(&api, &room).await;
    assert_eq!(a.hear().await["type"], "peer_joined");
    let a_id = text(&joined_a["participant_id"]);
    a.say(&json!({"type": "update", "state": {"muted": true}})).await;
    assert_eq!(
        b.hear().await,
        json!({"type": "peer_updated", "participant_id": a_id, "state": {"muted": true}})
    );
    b.say(&json!({"type": "message", "to": a_id, "topic": "chat", "data": "hello"})).await;
    assert_eq!(a.hear().await["data"], "hello");
    a.say(&json!({"type": "ping", "t": 1, "req": "x"})).await;
    let pong = a.hear().await;
    assert_eq!((&pong["type"], &pong["t"], &pong["req"]), (&json!("pong"), &json!(1), &json!("x")));
    a.say(&json!({"type": "get_ice_servers"})).await;
    assert_eq!(a.hear().await["type"], "ice_servers");
}

#[tokio::test]
async fn an_invite_opens_the_room_without_its_password() {
    let api = Api::start().await;
    let created = api.create(&json!({})).await.data();
    let id = text(&created["room_id"]);
    let invited = api.join(&id, &json!({"invite_token": created["invite_token"]})).await.data();
    assert!(text(&invited["participant_id"]).starts_with("p_"));
    let refused = api.join(&id, &json!({"invite_token": "another"})).await;
    assert_eq!(refused.refused(), (401, "invite_void"));
}

async fn enter(api: &Api, room: &Room) -> (Participant, Value) {
    let token = api.ws_token(room, "guest").await;
    let url = api.socket_url(&room.id, &token) + "&v=2";
    let (mut participant, _) = Participant::connect(url).await.unwrap();
    let joined = participant.hear().await;
    assert_eq!(joined["type"], "joined");
    (participant, joined)
}

/// Resumes. Returns the socket and the first message.
async fn resume(api: &Api, room: &Room, token: &str, last_seq: u64) -> (Participant, Value) {
    let url = format!("{}&resume={token}&last_seq={last_seq}", api.socket_url(&room.id, ""));
    let (mut participant, _) = Participant::connect(url.replace(' ', "%20")).await.unwrap();
    let first = participant.hear().await;
    (participant, first)
}

fn creator_id(joined: &Value) -> &Value {
    &joined["participants"][0]["id"]
}
