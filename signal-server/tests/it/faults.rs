//! The program among faults: clients and a system that are slow, gone, hostile or wrong.

mod clock_jump;
mod dawdlers;
mod descriptors;
mod floods;
mod foreign_pages;
mod frames;
mod half_open;
mod join_storm;
mod log_stalled;
mod long_messages;
mod narrow_links;
mod refused_joins;
mod slow_reader;
mod stall;
mod trickle;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::common::program::{Served, program};

/// For events that the server takes a minute or two for.
const LONG_PATIENCE: Duration = Duration::from_secs(180);

/// The program with further settings.
async fn serve(settings: &[&str]) -> Served {
    Served::start(&mut program(&[&["serve", "--listen", "127.0.0.1:0"], settings].concat())).await
}

/// A message to everybody in the room.
fn broadcast(data: impl Into<Value>) -> Value {
    json!({"type": "message", "to": "room", "topic": "test", "data": data.into()})
}

/// A socket for which its system takes little, so that the rest waits at the server.
fn narrow_socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket
}
