//! A host that writes when the test reads.

use std::time::Duration;

use serde_json::Value;
use signal_core::message::Payload;
use signal_core::room::{Grant, PasswordTag, Reject, RoomSpec, TokenHash};
use signal_core::{
    ConnId, DisplayName, Engine, EngineConfig, Language, NewConnection, ProtocolVersion, Question,
    QuestionId, Randomness, RoomId, Timestamp, Transmit,
};

use crate::common::{LIFE, START};

/// A host that writes when the test reads.
pub(super) struct Host {
    pub(super) engine: Engine,
    pub(super) room: RoomId,
    pub(super) now: Timestamp,
    opened: u32,
}

impl Host {
    pub(super) fn new(config: EngineConfig) -> Self {
        let mut engine = Engine::with_config(1, config).unwrap();
        let spec = RoomSpec::draw([3; 50], PASSWORD, START, LIFE);
        let room = engine.create(spec).unwrap().id();
        Self { engine, room, now: START, opened: 0 }
    }

    pub(super) fn admit(&mut self) -> Result<Grant, Reject> {
        self.engine.admit(self.room, PASSWORD, None, 5, self.now)
    }

    /// The next question, which is for ICE servers.
    pub(super) fn ice_question(&mut self) -> QuestionId {
        match self.engine.poll_question() {
            Some(Question::IceServers { id, room, .. }) if room == self.room => id,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn guest(&mut self, name: &str) -> ConnId {
        let grant = self.admit().unwrap();
        self.enter(grant, name, ProtocolVersion::V2)
    }

    pub(super) fn enter(&mut self, grant: Grant, name: &str, protocol: ProtocolVersion) -> ConnId {
        let name = DisplayName::parse(name).unwrap().unwrap();
        let opening = NewConnection::attach(self.room, grant, name, self.randomness());
        self.open(opening.protocol(protocol).language(Language::En))
    }

    pub(super) fn open(&mut self, opening: NewConnection) -> ConnId {
        self.engine.handle_open(opening, self.now)
    }

    pub(super) fn randomness(&mut self) -> Randomness {
        self.opened += 1;
        let mut random = [0; 36];
        random[32..].copy_from_slice(&self.opened.to_le_bytes());
        Randomness::draw(random, hash_bytes)
    }

    pub(super) fn say(&mut self, conn: ConnId, message: &Value) {
        self.engine.handle_frame(conn, &message.to_string().into(), self.now);
    }

    /// Takes everything that waits for a connection.
    pub(super) fn read(&mut self, conn: ConnId) -> Vec<Transmit> {
        std::iter::from_fn(|| self.engine.poll_transmit(conn, self.now)).collect()
    }

    /// The same, of messages only.
    pub(super) fn messages(&mut self, conn: ConnId) -> Vec<Value> {
        let frames = self.read(conn).into_iter().filter_map(|transmit| match transmit {
            Transmit::Frame(frame) => Some(serde_json::from_slice(&frame).unwrap()),
            Transmit::Ping | Transmit::Close(_) => None,
        });
        frames.collect()
    }

    pub(super) fn types(&mut self, conn: ConnId) -> Vec<String> {
        let name = |message: &Value| message["type"].as_str().unwrap().to_owned();
        self.messages(conn).iter().map(name).collect()
    }

    /// Whether the hub has closed a connection whose close the host has not taken yet.
    pub(super) fn is_closed(&self, conn: ConnId) -> bool {
        let seats = self.engine.room(self.room).unwrap().seats();
        !seats.iter().any(|seat| seat.attachment.conn == conn && seat.is_attached())
    }

    /// Lets time pass, and handles every deadline in time.
    pub(super) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
        }
        self.now = end;
    }
}

pub(super) fn data(text: &str) -> Payload {
    Payload::new(text).unwrap()
}

pub(super) fn hash(token: &str) -> TokenHash {
    TokenHash::new(hash_bytes(token))
}

pub(super) fn hash_bytes(token: &str) -> [u8; 32] {
    token.as_bytes()[32..].try_into().unwrap()
}

pub(super) const PASSWORD: PasswordTag = PasswordTag::new([7; 32]);
