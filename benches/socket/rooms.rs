//! Fills rooms with participants, at any of the servers.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::link::Link;
use crate::servers::{Kind, Server};

/// Fills rooms, and calls `filled` after each one.
pub(crate) async fn fill(
    server: &Server,
    rooms: u32,
    participants: u32,
    filled: impl Fn(),
) -> Vec<Vec<Link>> {
    let first = &filled;
    let rooms = stream::iter(0..rooms).map(|room| async move {
        let links = room_of(server, room, participants).await;
        first();
        links
    });
    rooms.buffer_unordered(AT_ONCE).collect().await
}

async fn room_of(server: &Server, room: u32, participants: u32) -> Vec<Link> {
    let mut links = Vec::new();
    let created = match server.kind {
        Kind::Bare | Kind::Axum => None,
        Kind::Server | Kind::Limited => Some(
            post(server, "/api/webrtc/rooms", &json!({"max_participants": participants})).await,
        ),
    };
    for index in 0..participants {
        let path = match &created {
            None => format!("/rooms/{room}"),
            Some(created) => {
                let id = text(created, "room_id");
                let token = if index == 0 {
                    text(created, "ws_token").to_owned()
                } else {
                    let join = json!({"password": text(created, "password")});
                    let joined = post(server, &format!("/api/webrtc/rooms/{id}/join"), &join).await;
                    text(&joined, "ws_token").to_owned()
                };
                format!("/ws/webrtc/rooms/{id}?v=2&token={token}")
            }
        };
        links.push(Link::open(server.kind, &server.address, room, &path).await);
    }
    links
}

/// Sends a request and returns the `data` of the answer. The server closes the connection after it.
async fn post(server: &Server, path: &str, body: &Value) -> Value {
    let (address, token, body) = (&server.address, &server.access_token, body.to_string());
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the server answers in text");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let mut answer: Value = serde_json::from_str(body).expect("the server answers in JSON");
    assert_eq!(answer["success"], true, "{answer}");
    answer["data"].take()
}

fn text<'a>(data: &'a Value, field: &str) -> &'a str {
    data[field].as_str().expect("the answer has this field")
}

/// The number of rooms that are filled at the same time.
const AT_ONCE: usize = 8;
