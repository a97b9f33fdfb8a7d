//! A simple relay on axum, with a JSON tree for each message, and a channel and two tasks for each
//! connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

type Queue = mpsc::UnboundedSender<Utf8Bytes>;
type Rooms = Arc<Mutex<HashMap<String, HashMap<String, Queue>>>>;

pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    // Without this, the comparison would only measure Nagle's algorithm.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket of TCP"));
    let router = Router::new().route("/rooms/{room}", any(open)).with_state(Rooms::default());
    axum::serve(listener, router).await.expect("it goes on until it is killed");
}

async fn open(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(move |socket| relay(rooms, room, socket))
}

async fn relay(rooms: Rooms, room: String, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let (queue, mut frames) = mpsc::unbounded_channel::<Utf8Bytes>();
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            if sink.send(Message::Text(frame)).await.is_err() {
                return;
            }
        }
    });
    let id = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let members = rooms.entry(room.clone()).or_default();
        let id = format!("p_{}", members.len());
        let _ = queue.send(json!({"type": "joined", "participant_id": id}).to_string().into());
        members.insert(id.clone(), queue);
        id
    };
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(Value::Object(mut message)) = serde_json::from_str(&text) else { continue };
        let Some(Value::String(to)) = message.remove("to") else { continue };
        message.insert("from".into(), id.clone().into());
        let frame = Utf8Bytes::from(Value::Object(message).to_string());
        let rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(members) = rooms.get(&room) else { return };
        for (_, queue) in members
            .iter()
            .filter(|(other, _)| if to == "room" { **other != id } else { **other == to })
        {
            // The receiver may have gone.
            let _ = queue.send(frame.clone());
        }
    }
}
