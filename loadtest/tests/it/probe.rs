//! The probe of relayed messages beside a client that does nothing else.

use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use client_sdk::{Client, NewRoom};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::common::{Server, command, results};

/// Prints the ratio of the medians, which is about time and so needs a machine that does nothing
/// else: `.ci/long probe` runs it.
#[test]
#[ignore = "compares times on an idle machine"]
fn the_probe_measures_what_a_bare_client_of_two_sockets_does() {
    let server = Server::start();
    let flags = ["--depth", "signaling", "--rooms", "1", "--peers", "2", "--duration", "6"];
    let mut run = command(&["--url", &server.url, "--token", &server.token, "--json", "-"]);
    let run = run.args(flags).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let bare = Bare::join(&server).median();
    let report = results(&run.wait_with_output().unwrap().stdout);
    let probe = report["latency_ms"]["relay"]["p50"].as_f64().unwrap() / 1000.0;
    let ratio = probe / bare.as_secs_f64();
    println!(
        "probe {:.3} ms, bare {:.3} ms, ratio {ratio:.2}",
        probe * 1e3,
        bare.as_secs_f64() * 1e3
    );
    assert!(ratio < 1.3, "{ratio}");
}

/// Two sockets in a room, of which one sends to the other.
struct Bare {
    sender: WebSocket<TcpStream>,
    receiver: WebSocket<TcpStream>,
    /// The receiver.
    to: String,
}

impl Bare {
    fn join(server: &Server) -> Self {
        let client = Client::new(&server.url).unwrap();
        let urls = Runtime::new().unwrap().block_on(async {
            let room = client.create_room(&server.token, &NewRoom::default()).await.unwrap();
            let mut urls = Vec::new();
            for _ in 0..2 {
                let joined = client.join_room(&room.room_id, &room.password, "bare").await.unwrap();
                urls.push(client.signaling_url(&room.room_id, &joined.ws_token));
            }
            urls
        });
        let address = server.url.strip_prefix("http://").unwrap();
        let open = |url: &str| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            tungstenite::client(url, stream).unwrap().0
        };
        let (sender, mut receiver) = (open(&urls[0]), open(&urls[1]));
        let joined = json(&receiver.read().unwrap()).unwrap();
        let to = joined["participant_id"].as_str().unwrap().to_owned();
        Self { sender, receiver, to }
    }

    /// The median of as many messages as the probe sends in that time, at the same times.
    fn median(self) -> Duration {
        let Self { mut sender, mut receiver, to } = self;
        let start = Instant::now();
        let due = move |number: u32| start + Duration::from_millis(25) * (number + 1);
        let filler = "x".repeat(200);
        let sending = thread::spawn(move || {
            for number in 0..MESSAGES {
                let left = due(number).saturating_duration_since(Instant::now());
                thread::sleep(left.saturating_sub(Duration::from_micros(200)));
                while Instant::now() < due(number) {
                    std::hint::spin_loop();
                }
                let candidate = serde_json::json!({"candidate": format!("{number} {filler}")});
                let message =
                    serde_json::json!({"type": "candidate", "to": to, "candidate": candidate});
                sender.send(Message::text(message.to_string())).unwrap();
            }
        });
        let mut latencies = Vec::new();
        while latencies.len() < MESSAGES as usize {
            let message = receiver.read().unwrap();
            let now = Instant::now();
            let Some(message) = json(&message).filter(|json| json["type"] == "candidate") else {
                continue;
            };
            let text = message["candidate"]["candidate"].as_str().unwrap();
            let number = text.split(' ').next().unwrap().parse().unwrap();
            latencies.push(now - due(number));
        }
        sending.join().unwrap();
        latencies.sort();
        latencies[latencies.len() / 2]
    }
}

fn json(message: &Message) -> Option<Value> {
    serde_json::from_str(message.to_text().ok()?).ok()
}

const MESSAGES: u32 = 200;
