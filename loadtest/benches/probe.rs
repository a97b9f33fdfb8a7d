//! The probe of relayed messages beside a client of two sockets that does nothing else: prints both
//! medians and their ratio. Latencies of microseconds need a machine without other work.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use client_sdk::{Client, NewRoom};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start()?;
    let run = loadtest()
        .args(["--url", &server.url, "--token", &server.token, "--json", "-", "--allow-invalid"])
        .args(["--depth", "signaling", "--rooms", "1", "--peers", "2", "--duration", "6"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let bare = Bare::join(&server)?.median()?.as_secs_f64() * 1e3;
    let report: Value = serde_json::from_slice(&run.wait_with_output()?.stdout)?;
    let probe =
        report["latency_ms"]["relay"]["p50"].as_f64().ok_or("the probe measured nothing")?;
    println!("probe {probe:.3} ms, bare client {bare:.3} ms, ratio {:.2}", probe / bare);
    Ok(())
}

fn loadtest() -> Command {
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
}

/// A server in a process of its own.
struct Server {
    process: Child,
    url: String,
    token: String,
}

impl Server {
    fn start() -> Result<Self, Box<dyn Error>> {
        let mut process =
            loadtest().arg("own-server").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(url), Some(token)) = (words.next(), words.next()) else {
            return Err("the server did not say where it listens".into());
        };
        Ok(Self { process, url, token })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two sockets in a room, of which one sends to the other.
struct Bare {
    sender: WebSocket<TcpStream>,
    receiver: WebSocket<TcpStream>,
    /// The receiver.
    to: String,
}

impl Bare {
    fn join(server: &Server) -> Result<Self, Box<dyn Error>> {
        let client = Client::new(&server.url)?;
        let urls = Runtime::new()?.block_on(async {
            let room = client.create_room(&server.token, &NewRoom::default()).await?;
            let mut urls = Vec::new();
            for _ in 0..2 {
                let joined = client.join_room(&room.room_id, &room.password, "bare").await?;
                urls.push(client.signaling_url(&room.room_id, &joined.ws_token));
            }
            Ok::<_, client_sdk::RequestError>(urls)
        })?;
        let address = server.url.strip_prefix("http://").ok_or("the server speaks TLS")?;
        let open = |url: &str| -> Result<WebSocket<TcpStream>, Box<dyn Error>> {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            Ok(tungstenite::client(url, stream)?.0)
        };
        let (sender, mut receiver) = (open(&urls[0])?, open(&urls[1])?);
        let joined: Value = serde_json::from_str(receiver.read()?.to_text()?)?;
        let to = joined["participant_id"].as_str().ok_or("the receiver did not enter")?.to_owned();
        Ok(Self { sender, receiver, to })
    }

    /// The median of messages that are sent as often as those of the probe.
    fn median(self) -> Result<Duration, Box<dyn Error>> {
        let Self { mut sender, mut receiver, to } = self;
        let start = Instant::now();
        let due = move |number: u32| start + Duration::from_millis(25) * (number + 1);
        let filler = "x".repeat(200);
        let sending = thread::spawn(move || -> Result<(), tungstenite::Error> {
            for number in 0..MESSAGES {
                let left = due(number).saturating_duration_since(Instant::now());
                thread::sleep(left.saturating_sub(Duration::from_micros(200)));
                while Instant::now() < due(number) {
                    std::hint::spin_loop();
                }
                let candidate = json!({"candidate": format!("{number} {filler}")});
                let message = json!({"type": "candidate", "to": to, "candidate": candidate});
                sender.send(Message::text(message.to_string()))?;
            }
            Ok(())
        });
        let mut latencies = Vec::new();
        while latencies.len() < MESSAGES as usize {
            let message = receiver.read()?;
            let now = Instant::now();
            let message: Value = serde_json::from_str(message.to_text()?)?;
            let Some(text) = message["candidate"]["candidate"].as_str() else { continue };
            let number = text.split(' ').next().ok_or("the candidate is empty")?.parse()?;
            latencies.push(now - due(number));
        }
        sending.join().expect("the sender returns its errors")?;
        latencies.sort();
        Ok(latencies[latencies.len() / 2])
    }
}

const MESSAGES: u32 = 200;
