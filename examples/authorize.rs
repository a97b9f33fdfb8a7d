//! A host that admits participants by a slow check of its own, such as a database or another
//! service.
//!
//! Run it with `cargo run -p examples --example authorize`. The core is not async and does not
//! wait. It asks with `Question::Entry`, keeps the messages that the participant sends meanwhile,
//! and goes on with everybody else.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use signal_core::room::{Grant, PasswordTag, RoomSpec, Ticket};
use signal_core::{
    ConnId, DisplayName, Engine, Entry, ErrorCode, NewConnection, Question, Randomness, RoomId,
    Timestamp, Transmit,
};
use tokio::sync::mpsc;
use tokio::time::sleep;

#[tokio::main]
async fn main() {
    let mut host = Host::new();
    // A message that a page sends at once is not lost while the database is queried.
    host.open("alice", &[r#"{"type":"offer","to":"p_nobody","sdp":"v=0"}"#]);
    host.open("mallory", &[]);
    host.open("bob", &[]);
    println!("three connections are open, nobody has been admitted yet");
    while host.undecided > 0 {
        if let Some((conn, verdict)) = host.verdicts.recv().await {
            host.undecided -= 1;
            host.engine.handle_entry(conn, verdict, host.now());
            host.poll();
        }
    }
}

/// Stands for a database that knows who may enter, and under which name. Longer names take longer.
async fn look_up(user: String) -> Result<Entry, ErrorCode> {
    sleep(Duration::from_millis(20 * user.len() as u64)).await;
    if user == "mallory" {
        return Err(ErrorCode::Forbidden);
    }
    // The ticket identifies the user. A second connection with it takes the seat over. The others
    // see an id that the room issues.
    let ticket = format!("p_{user}").parse().map_err(|_| ErrorCode::Unavailable)?;
    let name = DisplayName::parse(&user).ok().flatten().ok_or(ErrorCode::Forbidden)?;
    let grant = Grant::new(Ticket::Guest(ticket), 0);
    Ok(Entry::Attach { grant, name, ice: None })
}

type Verdict = (ConnId, Result<Entry, ErrorCode>);

struct Host {
    engine: Engine,
    room: RoomId,
    started: (Instant, Duration),
    undecided: usize,
    verdicts: mpsc::UnboundedReceiver<Verdict>,
    /// Cloned for each query to the database.
    verdict: mpsc::UnboundedSender<Verdict>,
}

impl Host {
    fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp::from_millis(since_epoch.as_millis() as u64);
        let (verdict, verdicts) = mpsc::unbounded_channel();
        let mut engine = Engine::new(rand::random());
        // Nobody joins by password in this example.
        let password = PasswordTag::new(rand::random());
        let lifetime = Duration::from_secs(3600);
        let spec = RoomSpec::draw(rand::random(), password, now, lifetime);
        let room = engine.create(spec).expect("it is the only room").id();
        let started = (Instant::now(), since_epoch);
        Self { engine, room, started, undecided: 0, verdicts, verdict }
    }

    fn open(&mut self, user: &str, frames: &[&'static str]) {
        self.undecided += 1;
        let credential = Bytes::copy_from_slice(user.as_bytes());
        let randomness = Randomness::draw(rand::random(), |_| rand::random());
        let opening = NewConnection::ask(self.room, credential, randomness);
        let conn = self.engine.handle_open(opening, self.now());
        for frame in frames {
            let frame = Bytes::from_static(frame.as_bytes());
            self.engine.handle_frame(conn, &frame, self.now());
        }
        self.poll();
    }

    /// Does what the engine asks for.
    fn poll(&mut self) {
        while let Some(question) = self.engine.poll_question() {
            match question {
                Question::Entry { conn, credential, .. } => self.ask(conn, &credential),
                Question::IceServers { id, .. } => {
                    let none = Err(ErrorCode::Unavailable);
                    self.engine.handle_ice_servers(id, &none, self.now());
                }
            }
        }
        while let Some(conn) = self.engine.poll_ready() {
            while let Some(transmit) = self.engine.poll_transmit(conn, self.now()) {
                match transmit {
                    Transmit::Frame(frame) => {
                        println!("{conn:?} gets {}", String::from_utf8_lossy(&frame));
                    }
                    Transmit::Ping => println!("{conn:?} has to show that it is alive"),
                    Transmit::Close(code) => {
                        println!("{conn:?} is closed with {}", code.as_u16());
                    }
                }
            }
        }
    }

    /// Starts the query and does not wait for it.
    fn ask(&self, conn: ConnId, credential: &[u8]) {
        let user = String::from_utf8_lossy(credential).into_owned();
        let verdict = self.verdict.clone();
        tokio::spawn(async move {
            // The receiver is gone once the host has ended.
            let _ = verdict.send((conn, look_up(user).await));
        });
    }

    fn now(&self) -> Timestamp {
        let (at, since_epoch) = self.started;
        Timestamp::from_millis(since_epoch.as_millis() as u64) + at.elapsed()
    }
}
