//! A host that admits participants by a slow check of its own, such as a database or another
//! service.
//!
//! Run it with `cargo run -p examples --example authorize`. The core is not async and does not
//! wait. It asks with `Output::Authorize`, keeps the messages that the participant sends meanwhile,
//! and goes on with everybody else.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use signal_core::{
    Capacity, ConnId, DisplayName, Entry, ErrorCode, Grant, Hub, HubConfig, IdSuffix, Input,
    Language, MemoryStore, NodeId, OnCreatorLeave, Output, PasswordTag, ProtocolVersion,
    Randomness, ResumeToken, Room, RoomId, RoomSpec, Ticket, Timestamp, TokenHash,
};
use tokio::sync::mpsc;
use tokio::time::sleep;

#[tokio::main]
async fn main() {
    let mut host = Host::new();
    // A message that a page sends at once is not lost while the database is queried.
    host.open(ConnId(1), "alice", &[r#"{"type":"offer","to":"p_nobody","sdp":"v=0"}"#]);
    host.open(ConnId(2), "mallory", &[]);
    host.open(ConnId(3), "bob", &[]);
    println!("three connections are open, nobody has been admitted yet");
    while host.undecided > 0 {
        if let Some((conn, verdict)) = host.verdicts.recv().await {
            host.undecided -= 1;
            host.input(Input::Authorized { conn, entry: verdict });
        }
    }
}

/// Stands for a database that knows who may enter, and under which name. Longer names take longer.
async fn look_up(user: String) -> Result<(Ticket, DisplayName), ErrorCode> {
    sleep(Duration::from_millis(20 * user.len() as u64)).await;
    if user == "mallory" {
        return Err(ErrorCode::Forbidden);
    }
    // The ticket identifies the user. A second connection with it takes the seat over. The others
    // see an id that the room issues.
    let ticket = format!("p_{user}").parse().map_err(|_| ErrorCode::Unavailable)?;
    let name = DisplayName::parse(&user).ok().flatten().ok_or(ErrorCode::Forbidden)?;
    Ok((Ticket::Guest(ticket), name))
}

type Verdict = (ConnId, Result<Entry, ErrorCode>);

struct Host {
    hub: Hub,
    store: MemoryStore,
    room: RoomId,
    started: (Instant, Duration),
    undecided: usize,
    verdicts: mpsc::UnboundedReceiver<Verdict>,
    /// Cloned for each query to the database.
    verdict: mpsc::UnboundedSender<Verdict>,
}

impl Host {
    fn new() -> Self {
        let started =
            (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let (verdict, verdicts) = mpsc::unbounded_channel();
        let (hub, store) =
            (Hub::new(NodeId(rand::random()), HubConfig::default()), MemoryStore::new());
        let room = RoomId::from_indices(rand::random());
        let mut host = Self { hub, store, room, started, undecided: 0, verdicts, verdict };
        let new = RoomSpec {
            id: room,
            epoch: rand::random(),
            name: "for those in the database".into(),
            creator: "the host".into(),
            // Nobody joins by password or invite in this example.
            password: PasswordTag::new(rand::random()),
            invite: TokenHash::new(rand::random()),
            capacity: Capacity::default(),
            created_at: host.now(),
            expires_at: host.now() + Duration::from_secs(3600),
            on_creator_leave: OnCreatorLeave::Keep,
            suffix: IdSuffix::new(rand::random()),
        };
        host.store.create(Room::create(new)).expect("the store is empty");
        host
    }

    fn open(&mut self, conn: ConnId, user: &str, frames: &[&'static str]) {
        self.undecided += 1;
        let entry = Entry::Ask { credential: Bytes::copy_from_slice(user.as_bytes()) };
        let resume_token = ResumeToken::new("not used in v1", TokenHash::new(rand::random()));
        let randomness = Randomness { suffix: IdSuffix::new(rand::random()), resume_token };
        let (room, protocol, language) = (self.room, ProtocolVersion::V1, Language::En);
        self.input(Input::Open { conn, room, protocol, language, entry, randomness, client: None });
        let decoder = self.hub.decoder(protocol);
        for frame in frames {
            let frame = decoder.decode(&Bytes::from_static(frame.as_bytes()));
            self.input(Input::Frame { conn, frame });
        }
    }

    /// Hands an input to the hub and carries out all its outputs.
    fn input(&mut self, input: Input) {
        self.hub.handle_input(input, self.now());
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Authorize { conn, credential, .. } => self.ask(conn, &credential),
                Output::Broadcast { to, frame, .. } => {
                    to.iter().for_each(|conn| print(*conn, &frame));
                }
                Output::Close { conn, code } => {
                    println!("{conn:?} is closed with {}", code.as_u16());
                }
                Output::Commit { op, room, change } => {
                    let applied = self.store.apply(room, &change, self.now());
                    self.hub.handle_input(Input::Committed { op, applied }, self.now());
                }
                Output::Frame { to, frame } => print(to, &frame),
                _ => {}
            }
        }
    }

    /// Starts the query and does not wait for it.
    fn ask(&self, conn: ConnId, credential: &[u8]) {
        let user = String::from_utf8_lossy(credential).into_owned();
        let verdict = self.verdict.clone();
        tokio::spawn(async move {
            let entry = look_up(user).await.map(|(ticket, name)| {
                let grant = Grant { ticket, password_epoch: 0 };
                Entry::Attach { grant, name, ice: None }
            });
            // The receiver is gone once the host has ended.
            let _ = verdict.send((conn, entry));
        });
    }

    fn now(&self) -> Timestamp {
        let (at, since_epoch) = self.started;
        Timestamp::from_millis(since_epoch.as_millis() as u64) + at.elapsed()
    }
}

fn print(conn: ConnId, frame: &[u8]) {
    println!("{conn:?} gets {}", String::from_utf8_lossy(frame));
}
