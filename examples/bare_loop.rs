//! The hub in a plain loop: two threads talk to each other, without async and without sockets.
//!
//! Run it with `cargo run -p examples --example bare_loop`.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use signal_core::wire::{decode_server, encode_client};
use signal_core::{
    Capacity, ClientMessage, ConnId, DisplayName, Entry, FrameDecoder, Grant, Hub, HubConfig,
    IdSuffix, Input, Language, MemoryStore, NodeId, OnCreatorLeave, Output, PasswordTag, Payload,
    ProtocolVersion, Randomness, ResumeToken, Room, RoomId, RoomSpec, ServerMessage, Signal,
    SignalKind, Ticket, Timestamp, TokenHash,
};

fn main() {
    let clock = Clock::start();
    let mut hub = Hub::new(NodeId(rand::random()), HubConfig::default());
    let mut store = MemoryStore::new();
    let room = Room::create(RoomSpec {
        id: RoomId::from_indices(rand::random()),
        epoch: rand::random(),
        name: "a room".into(),
        creator: "alice".into(),
        password: PasswordTag::new(rand::random()),
        invite: TokenHash::new(rand::random()),
        capacity: Capacity::default(),
        created_at: clock.now(),
        expires_at: clock.now() + Duration::from_secs(2),
        on_creator_leave: OnCreatorLeave::Close,
        suffix: IdSuffix::new(rand::random()),
    });
    let (id, guest) = (room.id(), Ticket::Guest("p_guest".parse().expect("a valid id")));
    store.create(room).expect("the store is empty");

    let (inbox, inputs) = mpsc::channel();
    let mut sockets = HashMap::new();
    let mut participants = Vec::new();
    for (conn, ticket, name) in [(ConnId(1), Ticket::Creator, "alice"), (ConnId(2), guest, "bob")] {
        let (socket, frames) = mpsc::channel();
        sockets.insert(conn, socket);
        let name = DisplayName::parse(name).expect("short").expect("not empty");
        let entry = Entry::Attach { grant: Grant { ticket, password_epoch: 0 }, name, ice: None };
        let resume_token = ResumeToken::new("not used in v1", TokenHash::new(rand::random()));
        let randomness = Randomness { suffix: IdSuffix::new(rand::random()), resume_token };
        let (protocol, language) = (ProtocolVersion::V1, Language::En);
        let open =
            Input::Open { conn, room: id, protocol, language, entry, randomness, client: None };
        let (decoder, inbox) = (hub.decoder(protocol), inbox.clone());
        participants.push(thread::spawn(move || participant(conn, open, decoder, &frames, &inbox)));
    }

    // The whole driver: it hands in one input and takes out all outputs, until the room is over and
    // both sockets are closed.
    while !sockets.is_empty() {
        let deadline = [hub.poll_timeout(), store.poll_timeout()].into_iter().flatten().min();
        let patience = deadline.map_or(Duration::MAX, |at| at.saturating_since(clock.now()));
        match inputs.recv_timeout(patience) {
            Ok(input) => hub.handle_input(input, clock.now()),
            Err(RecvTimeoutError::Timeout) => {
                hub.handle_timeout(clock.now());
                store.handle_timeout(clock.now());
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while let Some(output) = hub.poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    let to = to.iter().filter(|conn| Some(**conn) != except);
                    to.for_each(|conn| send(&sockets, *conn, frame.clone()));
                }
                Output::Close { conn, code } => {
                    println!("server: closes {conn:?} with {}", code.as_u16());
                    sockets.remove(&conn);
                }
                Output::Commit { op, room, change } => {
                    let applied = store.apply(room, &change, clock.now());
                    hub.handle_input(Input::Committed { op, applied }, clock.now());
                }
                Output::Frame { to, frame } => send(&sockets, to, frame),
                _ => {}
            }
        }
    }
    for participant in participants {
        participant.join().expect("a participant does not panic");
    }
}

fn send(sockets: &HashMap<ConnId, Sender<Bytes>>, to: ConnId, frame: Bytes) {
    // The thread of a participant that has gone no longer receives.
    let _ = sockets.get(&to).map(|socket| socket.send(frame));
}

/// Offers to those who are already there, answers every offer, and stays until the room closes.
fn participant(
    conn: ConnId,
    open: Input,
    decoder: FrameDecoder,
    frames: &Receiver<Bytes>,
    inbox: &Sender<Input>,
) {
    let tell = |input: Input| inbox.send(input).is_ok();
    let say = |message: &ClientMessage| {
        let frame = decoder.decode(&encode_client(message, None));
        tell(Input::Frame { conn, frame })
    };
    let describe = |kind, to| {
        let sdp = Payload::new("v=0 and so on").expect("a string has a JSON form");
        ClientMessage::Signal {
            to,
            signal: Signal { kind, payload: sdp, negotiation: None, tracks: None },
        }
    };
    let mut alive = tell(open);
    while alive && let Ok(frame) = frames.recv() {
        println!("{conn:?}: got {}", String::from_utf8_lossy(&frame));
        // The hub counts a frame as unsent until it is acknowledged.
        alive = tell(Input::Sent { conn, bytes: frame.len() });
        match decode_server(&frame) {
            Ok(ServerMessage::Joined { participants, .. }) => {
                for other in participants {
                    alive = say(&describe(SignalKind::Offer, other.id));
                }
            }
            Ok(ServerMessage::Signal { from, signal }) if signal.kind == SignalKind::Offer => {
                alive = say(&describe(SignalKind::Answer, from));
            }
            Ok(_) => {}
            Err(error) => println!("{conn:?}: cannot decode the frame: {error}"),
        }
    }
}

/// The system time at the start plus the monotonic time since, so that it never runs backwards.
struct Clock {
    started: Instant,
    unix_millis: u64,
}

impl Clock {
    fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), unix_millis: since_epoch.as_millis() as u64 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.unix_millis) + self.started.elapsed()
    }
}
