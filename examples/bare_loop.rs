//! The engine in a plain loop: two threads talk to each other, without async and without sockets.
//!
//! Run it with `cargo run -p examples --example bare_loop`.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use signal_core::message::{ClientMessage, Payload, ServerMessage, Signal, SignalKind};
use signal_core::room::{Grant, PasswordTag, RoomSpec};
use signal_core::wire::{decode_server, encode_client};
use signal_core::{
    ConnId, DisplayName, Engine, Language, NewConnection, Randomness, Timestamp, Transmit,
};

fn main() {
    let clock = Clock::start();
    let mut engine = Engine::new(rand::random());
    let password = PasswordTag::new(rand::random());
    let spec = RoomSpec::draw(rand::random(), password, clock.now(), Duration::from_secs(2));
    let room = engine.create(spec).expect("it is the only room").id();
    let guest = engine.admit(room, password, None, rand::random(), clock.now());
    let guest = guest.expect("the password is right");

    let (inbox, frames) = mpsc::channel();
    let mut sockets = HashMap::new();
    let mut participants = Vec::new();
    for (grant, name) in [(Grant::creator(), "alice"), (guest, "bob")] {
        let name = DisplayName::parse(name).expect("short").expect("not empty");
        let randomness = Randomness::draw(rand::random(), |_| rand::random());
        let opening = NewConnection::attach(room, grant, name, randomness).language(Language::En);
        let conn = engine.handle_open(opening, clock.now());
        let (socket, received) = mpsc::channel();
        sockets.insert(conn, socket);
        let inbox = inbox.clone();
        participants.push(thread::spawn(move || participant(conn, &received, &inbox)));
    }

    // The whole driver: it hands in one frame and takes out everything to send, until the room has
    // ended and both sockets are closed.
    loop {
        while let Some(conn) = engine.poll_ready() {
            while let Some(transmit) = engine.poll_transmit(conn, clock.now()) {
                match transmit {
                    Transmit::Frame(frame) => {
                        // The thread of a participant that has gone no longer receives.
                        let _ = sockets.get(&conn).map(|socket| socket.send(frame));
                    }
                    // Threads do not disappear.
                    Transmit::Ping => engine.handle_alive(conn, clock.now()),
                    Transmit::Close(code) => {
                        println!("server: closes {conn:?} with {}", code.as_u16());
                        sockets.remove(&conn);
                    }
                }
            }
        }
        if sockets.is_empty() {
            break;
        }
        let deadline = engine.poll_timeout();
        let patience = deadline.map_or(Duration::MAX, |at| at.saturating_since(clock.now()));
        match frames.recv_timeout(patience) {
            Ok((conn, frame)) => engine.handle_frame(conn, &frame, clock.now()),
            Err(RecvTimeoutError::Timeout) => engine.handle_timeout(clock.now()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
    for participant in participants {
        participant.join().expect("a participant does not panic");
    }
}

/// Offers to the participants who are there already, answers every offer, and stays until the room
/// closes.
fn participant(conn: ConnId, received: &Receiver<Bytes>, inbox: &Sender<(ConnId, Bytes)>) {
    let say = |message: &ClientMessage| inbox.send((conn, encode_client(message, None))).is_ok();
    let describe = |kind, to| {
        let sdp = Payload::new("v=0 and so on").expect("a string has a JSON form");
        ClientMessage::Signal {
            to,
            signal: Signal { kind, payload: sdp, negotiation: None, tracks: None },
        }
    };
    let mut alive = true;
    while alive && let Ok(frame) = received.recv() {
        println!("{conn:?}: got {}", String::from_utf8_lossy(&frame));
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
