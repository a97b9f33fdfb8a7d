//! Which token opens what.

use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use crate::common::{ACCESS_SECRET, Api, Participant, Room, answer, text};

/// A request for a socket without a token.
fn bare_request(api: &Api, room: &Room) -> Request {
    let url = api.socket_url(&room.id, "");
    url.strip_suffix("?token=").unwrap().into_client_request().unwrap()
}

/// A token of the deployment's login with claims of one's own.
fn access_token(claims: &Value) -> String {
    let key = EncodingKey::from_secret(ACCESS_SECRET.as_bytes());
    encode(&Header::default(), claims, &key).unwrap()
}

/// How a socket is refused: the code of its one `error`, and of its close.
async fn refusal(api: &Api, room: &str, token: &str) -> (String, u16) {
    let mut socket = api.attach(room, token).await;
    (socket.error().await, socket.closed().await)
}

fn refused(error: &str, close: u16) -> (String, u16) {
    (error.to_owned(), close)
}

#[tokio::test]
async fn a_token_that_is_none_is_told_so_before_the_room_is_looked_up() {
    let api = Api::start().await;
    let room = api.room().await;
    for id in [room.id.as_str(), "222222", "no-room"] {
        for token in ["", "x", "a.b.c"] {
            assert_eq!(
                refusal(&api, id, token).await,
                refused("token_invalid", 4500),
                "{id} {token}"
            );
        }
    }
    let mut socket = Participant::connect(bare_request(&api, &room)).await.unwrap().0;
    assert_eq!(socket.error().await, "token_invalid");
    assert_eq!(socket.closed().await, 4500);
}

#[tokio::test]
async fn a_tampered_token_is_no_token() {
    let api = Api::start().await;
    let room = api.room().await;
    let token = api.ws_token(&room, "guest").await;
    let (content, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{content}.{first}{}", &signature[1..]);
    assert_eq!(refusal(&api, &room.id, &forged).await, refused("token_invalid", 4500));
}

#[tokio::test]
async fn an_expired_access_token_opens_nothing() {
    let api = Api::start().await;
    let room = api.room().await;
    let token = access_token(&json!({"sub": "alice", "exp": 1_000_000_000}));
    assert_eq!(refusal(&api, &room.id, &token).await, refused("token_expired", 4500));
    assert_eq!(api.close(&room.id, &token).await.refused(), (401, "unauthorized"));
    let create = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(token);
    let refused = answer(create.header("accept-language", "en")).await;
    assert_eq!(refused.refused(), (401, "unauthorized"));
    assert_eq!(refused.message(), "the token has expired");
}

#[tokio::test]
async fn a_ws_token_is_no_access_token() {
    let api = Api::start().await;
    let created = api.create(&json!({})).await.data();
    let room = text(&created["room_id"]);
    let joined = api.join(&room, &json!({"password": created["password"]})).await.data();
    for token in [text(&created["ws_token"]), text(&joined["ws_token"])] {
        let create = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token);
        assert_eq!(answer(create).await.refused(), (401, "unauthorized"));
        assert_eq!(api.close(&room, &token).await.refused(), (401, "unauthorized"));
    }
}

#[tokio::test]
async fn an_access_token_opens_the_rooms_of_its_user_only() {
    let api = Api::start().await;
    let room = api.room().await;
    let bob = api.access_token("bob");
    assert_eq!(refusal(&api, &room.id, &bob).await, refused("forbidden", 4500));
    assert_eq!(refusal(&api, "222222", &bob).await, refused("room_not_found", 4503));
    assert_eq!(refusal(&api, "no-room", &bob).await, refused("room_not_found", 4503));
    api.creator(&room).await;
}

#[tokio::test]
async fn a_ws_token_opens_its_room_only() {
    let api = Api::start().await;
    let (room, other) = (api.room().await, api.room().await);
    let token = api.ws_token(&room, "guest").await;
    for id in [other.id.as_str(), "222222", "no-room"] {
        assert_eq!(refusal(&api, id, &token).await, refused("token_invalid", 4500), "{id}");
    }
    api.attach(&room.id, &token).await.joined().await;
}

#[tokio::test]
async fn a_token_comes_in_a_header_or_a_subprotocol_as_well() {
    let api = Api::start().await;
    let room = api.room().await;
    let token = api.ws_token(&room, "小红").await;

    let mut request = bare_request(&api, &room);
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let (mut socket, response) = Participant::connect(request).await.unwrap();
    socket.joined().await;
    assert_eq!(response.headers().get("sec-websocket-protocol"), None);
    socket.close().await;

    let mut request = bare_request(&api, &room);
    let protocols = format!("rooms, token.{token}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (mut socket, response) = Participant::connect(request).await.unwrap();
    socket.joined().await;
    assert_eq!(response.headers()["sec-websocket-protocol"], "rooms");
}

#[tokio::test]
async fn a_token_used_again_replaces_the_older_socket_and_nothing_that_still_sends_counts() {
    let api = Api::start().await;
    let room = api.room().await;
    let (mut guest, guest_id) = api.guest(&room, "guest").await;

    let (mut older, older_id) = api.creator(&room).await;
    assert_eq!(guest.hear().await["participant"]["id"], older_id);
    let (mut newer, newer_id) = api.creator(&room).await;
    older.say(&json!({"type": "leave"})).await;
    assert_eq!(older.closed().await, 4509);
    assert_eq!(guest.hear().await, json!({"type": "peer_left", "participant_id": older_id}));
    let creator = json!({"id": newer_id, "name": "alice", "is_creator": true});
    assert_eq!(guest.hear().await, json!({"type": "peer_joined", "participant": creator}));
    assert!(newer_id < guest_id, "the newer socket enters as the newest");
    for member in [&mut guest, &mut newer] {
        member.expect_nothing_waiting().await;
    }
}

#[tokio::test]
async fn the_creators_two_tokens_name_one_seat() {
    let api = Api::start().await;
    let created = api.create(&json!({})).await.data();
    let room = text(&created["room_id"]);
    let mut first = api.attach(&room, &text(&created["ws_token"])).await;
    assert_eq!(first.joined().await, text(&created["participant_id"]));
    let mut second = api.attach(&room, &api.access_token("alice")).await;
    assert_eq!(second.hear().await["participants"], json!([]));
    assert_eq!(first.closed().await, 4509);
}

#[tokio::test]
async fn a_creator_without_a_name_is_the_host_and_never_its_subject() {
    let api = Api::start().await;
    let token = access_token(&json!({"sub": "user-17", "exp": 4_000_000_000_u64}));
    let create = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token);
    let created = answer(create).await.data();
    assert_eq!(created["name"], "房主的房间");
    let room = text(&created["room_id"]);
    let mut creator = api.attach(&room, &token).await;
    creator.joined().await;
    let joined = api.join(&room, &json!({"password": created["password"]})).await.data();
    let mut guest = api.attach(&room, &text(&joined["ws_token"])).await;
    assert_eq!(guest.hear().await["participants"][0]["name"], "房主");
}
