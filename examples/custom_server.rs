//! A custom signaling server around signal-core, with lines of JSON over TCP instead of WebSockets.
//!
//! Run it with `cargo run -p examples --example custom_server` and connect to the address that it
//! prints. The first line of a participant is `<password> <name>`; every further line is a message
//! as in the API document.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use signal_core::{
    Admission, Capacity, ConnId, Disconnect, DisplayName, Entry, FrameDecoder, Grant, Hub,
    HubConfig, IdSuffix, Input, Language, MemoryStore, NodeId, OnCreatorLeave, Op, Output,
    PasswordTag, ProtocolVersion, Randomness, Receipt, ResumeToken, Room, RoomId, RoomSpec, Ticket,
    Timestamp, TokenHash,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const MAX_LINE_BYTES: u64 = 64 * 1024;

/// An event that a connection sends to the task that owns the hub.
enum Event {
    Hello { conn: ConnId, line: String, socket: mpsc::UnboundedSender<Bytes> },
    Input(Input),
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let password = format!("{:06}", rand::random_range(0..1_000_000));
    println!("listening on {}", listener.local_addr()?);
    println!("password {password}");
    let mut server = Server::new(&password);
    let decoder = server.hub.decoder(ProtocolVersion::V1);
    let (events, inbox) = mpsc::channel(1024);
    tokio::spawn(async move {
        for conn in (1..).map(ConnId) {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::spawn(connection(conn, stream, decoder, events.clone()));
        }
    });
    server.run(inbox).await;
    Ok(())
}

/// Passes lines between a socket and the hub. The hub bounds the queue to the socket: it closes a
/// connection that leaves more than `HubConfig::max_unsent_bytes` unread.
async fn connection(
    conn: ConnId,
    mut stream: TcpStream,
    decoder: FrameDecoder,
    events: mpsc::Sender<Event>,
) {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader.take(MAX_LINE_BYTES)).lines();
    let (socket, mut frames) = mpsc::unbounded_channel::<Bytes>();
    let Ok(Some(line)) = lines.next_line().await else { return };
    let mut alive = events.send(Event::Hello { conn, line, socket }).await.is_ok();
    while alive {
        let input = tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => {
                    lines.get_mut().get_mut().set_limit(MAX_LINE_BYTES);
                    Input::Frame { conn, frame: decoder.decode(&line.into()) }
                }
                Ok(None) | Err(_) => break,
            },
            frame = frames.recv() => {
                let Some(frame) = frame else { break };
                let line = [&frame, &b"\n"[..]].concat();
                let Ok(()) = writer.write_all(&line).await else { break };
                Input::Sent { conn, bytes: frame.len() }
            }
        };
        alive = events.send(Event::Input(input)).await.is_ok();
    }
    let _ = events.send(Event::Input(Input::Lost { conn, how: Disconnect::Abrupt })).await;
}

/// The hub, its store, its clock and one room.
struct Server {
    hub: Hub,
    store: MemoryStore,
    started: (Instant, Duration),
    room: RoomId,
    key: [u8; 32],
    sockets: HashMap<ConnId, mpsc::UnboundedSender<Bytes>>,
}

impl Server {
    fn new(password: &str) -> Self {
        let started =
            (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let mut server = Self {
            hub: Hub::new(NodeId(rand::random()), HubConfig::default()),
            store: MemoryStore::new(),
            started,
            room: RoomId::from_indices(rand::random()),
            key: rand::random(),
            sockets: HashMap::new(),
        };
        let room = Room::create(RoomSpec {
            id: server.room,
            epoch: rand::random(),
            name: "the only room".into(),
            creator: "the operator".into(),
            password: server.tag(password),
            invite: TokenHash::new(rand::random()),
            capacity: Capacity::default(),
            created_at: server.now(),
            expires_at: server.now() + Duration::from_secs(3600),
            on_creator_leave: OnCreatorLeave::Keep,
            suffix: IdSuffix::new(rand::random()),
        });
        server.store.create(room).expect("the store is empty");
        server
    }

    async fn run(&mut self, mut inbox: mpsc::Receiver<Event>) {
        loop {
            let deadline =
                [self.hub.poll_timeout(), self.store.poll_timeout()].into_iter().flatten().min();
            let Some(deadline) = deadline else { return };
            tokio::select! {
                event = inbox.recv() => match event {
                    Some(Event::Hello { conn, line, socket }) => self.hello(conn, &line, socket),
                    Some(Event::Input(input)) => self.hub.handle_input(input, self.now()),
                    None => return,
                },
                () = tokio::time::sleep(deadline.saturating_since(self.now())) => {
                    self.hub.handle_timeout(self.now());
                    self.store.handle_timeout(self.now());
                }
            }
            self.drain();
        }
    }

    /// Admits a participant by the password. Another server would verify a token here.
    fn hello(&mut self, conn: ConnId, line: &str, socket: mpsc::UnboundedSender<Bytes>) {
        let (password, name) = line.split_once(' ').unwrap_or((line, ""));
        let by = Admission::Password(self.tag(password));
        let admit = Op::Admit { by, client: None, suffix: IdSuffix::new(rand::random()) };
        let reply = self.store.apply(self.room, &admit, self.now()).reply;
        match (reply, DisplayName::parse(name)) {
            (Ok(Receipt::Entered { id }), Ok(Some(name))) => {
                self.sockets.insert(conn, socket);
                let grant = Grant { ticket: Ticket::Guest(id), password_epoch: 0 };
                let entry = Entry::Attach { grant, name, ice: None };
                let resume_token =
                    ResumeToken::new("not used in v1", TokenHash::new(rand::random()));
                let randomness = Randomness { suffix: IdSuffix::new(rand::random()), resume_token };
                let (room, protocol, language) = (self.room, ProtocolVersion::V1, Language::En);
                self.hub.handle_input(
                    Input::Open { conn, room, protocol, language, entry, randomness, client: None },
                    self.now(),
                );
            }
            (Err(reject), _) => drop(socket.send(format!("refused: {reject}").into())),
            (Ok(_), _) => drop(socket.send("refused: the first line is <password> <name>".into())),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    let to = to.iter().filter(|conn| Some(**conn) != except);
                    to.for_each(|conn| self.send(*conn, frame.clone()));
                }
                // Dropping the queue ends the task of the connection after it has written the
                // queue.
                Output::Close { conn, .. } => drop(self.sockets.remove(&conn)),
                Output::Commit { op, room, change } => {
                    let applied = self.store.apply(room, &change, self.now());
                    self.hub.handle_input(Input::Committed { op, applied }, self.now());
                }
                Output::Frame { to, frame } => self.send(to, frame),
                _ => {}
            }
        }
    }

    fn send(&self, to: ConnId, frame: Bytes) {
        if let Some(socket) = self.sockets.get(&to) {
            // A task that has ended has reported its connection as lost.
            let _ = socket.send(frame);
        }
    }

    fn tag(&self, password: &str) -> PasswordTag {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(self.room.as_str().as_bytes());
        mac.update(password.as_bytes());
        PasswordTag::new(mac.finalize().into_bytes().into())
    }

    fn now(&self) -> Timestamp {
        let (at, since_epoch) = self.started;
        Timestamp::from_millis(since_epoch.as_millis() as u64) + at.elapsed()
    }
}
