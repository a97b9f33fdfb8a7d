//! A real server, and clients that share no code with it: they use HTTP, WebSocket and JSON.

mod api;
pub mod asyncapi;
mod managed;
pub mod openapi;
mod participant;
pub mod program;
pub mod tcp;

use std::time::Duration;

use serde_json::Value;
use signal_server::{Builder, Secret, Server};
use tokio::time::timeout;

pub use self::api::{Answer, Api, Room, answer, http_client, read};
pub use self::managed::{ADMIN_KEY, Managed};
pub use self::participant::Participant;

pub const ACCESS_SECRET: &str = "access-secret-of-the-tests-0123456789";
/// Not an SDP, but a page may send it as one: it has every way to write a character in JSON.
pub const ODD_SDP: &str = r#""v=0\r\no=- \u00e9é\/\"😀\ud83d\ude00\u0000""#;
/// Long enough for a busy machine; reached only if something hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The default settings of the tests.
pub fn builder() -> Builder {
    Server::builder(Secret::new(ACCESS_SECRET))
}

/// Moves the clock of the server forward.
///
/// The server drops a socket that is silent for 45 s, so participants that should stay have to send
/// something in between.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits until a condition about this process holds.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it comes about");
}

/// The fields of an object, sorted.
pub fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
