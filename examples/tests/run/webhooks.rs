//! The receiver of webhooks.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use signal_server::{CreateRoom, DisplayName, Secret, Server, Webhooks};

use crate::program::{PATIENCE, Process};

const KEY: &[u8] = b"a key of at least 24 bytes";

/// An event as a server sends it, or a copy that somebody has changed.
#[derive(Clone)]
struct Delivery {
    id: &'static str,
    at: u64,
    signature: String,
    body: &'static str,
}

impl Delivery {
    fn signed(id: &'static str, at: u64, body: &'static str, key: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(format!("{id}.{at}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        Self { id, at, signature, body }
    }

    /// Sends it, and returns the status of the answer.
    fn send(&self, url: &str) -> u16 {
        let Self { id, at, signature, body } = self;
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             webhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[test]
fn the_receiver_takes_what_the_server_sends_and_refuses_what_is_forged_altered_old_or_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let secret = format!("whsec_{}", STANDARD.encode(KEY));
    fs::write(&file, &secret).unwrap();
    let mut process = Process::start("webhooks", &[file.to_str().unwrap()]);
    let mut lines = process.lines();
    let url = lines.next().unwrap().strip_prefix("listening on ").unwrap().to_owned();

    // From a real server.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let room = runtime.block_on(async {
        let webhooks = Webhooks::new(&url, &[Secret::new(secret)], None).unwrap();
        let server = Server::builder(Secret::random()).webhooks(webhooks).build();
        let name = DisplayName::parse("Stand-up").unwrap().unwrap();
        let created = server.handle().create_room(CreateRoom::new("alice", name)).await.unwrap();
        let started = lines.next().unwrap();
        assert_eq!(started.trim_end(), format!("room_started {}", created.room.id));
        created.room.id
    });
    assert_eq!(room.as_str().len(), 6);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let body = r#"{"type":"participant_joined","data":{"room":{"id":"ABC234"},"participant":{"name":"bob"}}}"#;
    let genuine = Delivery::signed("EV_1", now, body, KEY);
    assert_eq!(genuine.send(&url), 200);
    assert_eq!(lines.next().unwrap(), "participant_joined ABC234 bob");

    let with_both = Delivery {
        signature: format!(
            "{} {}",
            Delivery::signed("EV_2", now, body, b"old").signature,
            Delivery::signed("EV_2", now, body, KEY).signature
        ),
        ..Delivery::signed("EV_2", now, body, KEY)
    };
    assert_eq!(with_both.send(&url), 200, "while one secret replaces another");
    assert_eq!(lines.next().unwrap(), "participant_joined ABC234 bob");

    let wrong = "refused: the signature is wrong";
    let altered = r#"{"type":"participant_joined","data":{"room":{"id":"ABC234"},"participant":{"name":"eve"}}}"#;
    let late = "refused: it was sent at another time";
    for (delivery, status, told) in [
        (Delivery::signed("EV_3", now, body, b"another key of 24 bytes"), 401, wrong),
        (Delivery { body: altered, ..genuine.clone() }, 401, wrong),
        (Delivery { id: "EV_4", ..genuine.clone() }, 401, wrong),
        (Delivery { at: now + 1, ..genuine.clone() }, 401, wrong),
        (Delivery { signature: "v1,".to_owned(), ..genuine.clone() }, 401, wrong),
        (Delivery::signed("EV_5", now - 10 * 60, body, KEY), 401, late),
        (Delivery::signed("EV_6", now + 10 * 60, body, KEY), 401, late),
        // With an error the server would send it again.
        (genuine, 200, "ignored: it was here before"),
    ] {
        assert_eq!(delivery.send(&url), status, "{told}");
        assert_eq!(lines.next().unwrap(), told);
    }
}
