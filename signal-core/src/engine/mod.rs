//! A server of one node without its sockets: a hub, its store, and what waits for each connection.

mod config;
mod connection;
mod events;
mod inbox;
mod messages;
mod outbox;
mod outputs;
mod questions;
mod rooms;
mod saves;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;

pub use self::config::EngineConfig;
pub use self::connection::NewConnection;
pub use self::events::Event;
use self::events::Events;
use self::inbox::Inbox;
use self::outbox::Outbox;
pub use self::outbox::Transmit;
use self::questions::Questions;
pub use self::questions::{Question, QuestionId};
pub use self::rooms::CreateError;
pub use self::saves::Save;
use self::saves::{Answer, Saves};
use crate::config::InvalidConfig;
use crate::deadlines::Deadlines;
use crate::entry::Entry;
use crate::error::ErrorCode;
use crate::hub::{Disconnect, Hub, Input};
use crate::ice::IceServers;
use crate::ids::{ConnId, NodeId};
use crate::message::HostMessageRefusal;
use crate::protocol::ProtocolVersion;
use crate::store::MemoryStore;
use crate::time::Timestamp;

/// A server of one node, without its sockets, clock and random numbers.
///
/// The host reports what happened with the methods that start with `handle`, and learns what to do
/// from those that start with `poll`. After each `handle`, and after each change to a room:
///
/// 1. [`poll_ready`](Self::poll_ready) names each connection that has something to send. Whenever
///    its socket can be written to, take one thing with [`poll_transmit`](Self::poll_transmit). The
///    rest waits in the engine, within bounds.
/// 2. [`poll_question`](Self::poll_question) returns questions that only the host can answer.
/// 3. [`poll_save`](Self::poll_save) returns rooms to write, if the host stores them.
/// 4. [`poll_event`](Self::poll_event) returns what has happened in rooms, and
///    [`poll_message`](Self::poll_message) messages to the host. A host may omit these two.
/// 5. [`poll_timeout`](Self::poll_timeout) returns when to call
///    [`handle_timeout`](Self::handle_timeout).
///
/// The host must not omit any other step, or nothing is sent, no request is answered, or nobody is
/// let in.
///
/// # Slow sockets
///
/// A frame counts as sent when it is taken. At most 2 MiB of frames wait for a connection. One with
/// more, or one from which nothing is taken for 45 s although something waits, is closed with
/// [`CloseCode::SlowConsumer`](crate::CloseCode::SlowConsumer), and its frames are dropped. Both
/// are settings of [`HubConfig`](crate::config::HubConfig).
///
/// # More
///
/// The guide explains [heartbeats](crate::guide::heartbeats),
/// [transports](crate::guide::transport), [stores](crate::guide::store), and
/// [threads](crate::guide::shards).
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    hub: Hub,
    store: MemoryStore,
    outboxes: FxHashMap<ConnId, Outbox>,
    /// The connections that have something to send and that the host does not know of yet.
    ready: VecDeque<ConnId>,
    /// When to look at the health of each connection.
    health_checks: Deadlines<ConnId>,
    questions: Questions,
    inbox: Inbox,
    /// The participants that do not get the message that is being sent.
    refusals: Option<Vec<HostMessageRefusal>>,
    saves: Saves,
    events: Events,
    last_conn: u64,
}

impl Engine {
    /// Creates an engine without rooms, with the default settings. `process` is a random number,
    /// drawn anew at each start of the process.
    pub fn new(process: u64) -> Self {
        Self::of(process, EngineConfig::default())
    }

    /// Creates an engine without rooms. `process` is a random number, drawn anew at each start of
    /// the process.
    ///
    /// # Errors
    ///
    /// [`EngineConfig::hub`] does not pass its [check](crate::config::HubConfig::check).
    pub fn with_config(process: u64, config: EngineConfig) -> Result<Self, InvalidConfig> {
        config.hub.check()?;
        Ok(Self::of(process, config))
    }

    fn of(process: u64, config: EngineConfig) -> Self {
        Self {
            hub: Hub::new(NodeId(process), config.hub.clone()),
            config,
            store: MemoryStore::new(),
            outboxes: FxHashMap::default(),
            ready: VecDeque::new(),
            health_checks: Deadlines::default(),
            questions: Questions::default(),
            inbox: Inbox::default(),
            refusals: None,
            saves: Saves::default(),
            events: Events::default(),
            last_conn: 0,
        }
    }

    /// Handles a new connection. Returns its id, which is unique in this engine.
    pub fn handle_open(&mut self, opening: NewConnection, now: Timestamp) -> ConnId {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        let NewConnection { room, entry, randomness, protocol, language, client } = opening;
        let decoder = self.hub.decoder(spoken(&entry, protocol));
        let outbox = Outbox::new(decoder, &self.config, now);
        self.health_checks.set(conn, Some(outbox.deadline(&self.config)));
        self.outboxes.insert(conn, outbox);
        self.input(Input::Open { conn, room, protocol, language, entry, randomness, client }, now);
        conn
    }

    /// Handles a frame that has arrived, which is one whole message. Hand in the frames of one
    /// connection in the order of their arrival.
    pub fn handle_frame(&mut self, conn: ConnId, frame: &Bytes, now: Timestamp) {
        let Some(outbox) = self.outboxes.get_mut(&conn) else { return };
        outbox.heard(now);
        let frame = outbox.decoder.decode(frame);
        self.input(Input::Frame { conn, frame }, now);
    }

    /// Handles a sign, other than a frame, that the other side is alive.
    pub fn handle_alive(&mut self, conn: ConnId, now: Timestamp) {
        if let Some(outbox) = self.outboxes.get_mut(&conn) {
            outbox.heard(now);
        }
    }

    /// Handles a connection that the other side has closed cleanly. Its participant has left.
    pub fn handle_closed(&mut self, conn: ConnId, now: Timestamp) {
        self.lost(conn, Disconnect::Clean, now);
    }

    /// Handles a connection that has ended in any other way. A v2 participant may resume.
    pub fn handle_lost(&mut self, conn: ConnId, now: Timestamp) {
        self.lost(conn, Disconnect::Abrupt, now);
    }

    /// Answers [`Question::Entry`] with how the connection enters, or with the error that it gets
    /// before it is closed.
    pub fn handle_entry(&mut self, conn: ConnId, entry: Result<Entry, ErrorCode>, now: Timestamp) {
        if !self.questions.asks_for_entry(conn) {
            return;
        }
        self.questions.forget(conn);
        if let (Some(outbox), Ok(Entry::Resume { .. })) = (self.outboxes.get_mut(&conn), &entry) {
            outbox.decoder = self.hub.decoder(ProtocolVersion::V2);
        }
        self.input(Input::Authorized { conn, entry }, now);
    }

    /// Answers [`Question::IceServers`] with the servers, or with the error for the participant. It
    /// has no effect if the question is answered already, or has timed out.
    pub fn handle_ice_servers(
        &mut self,
        question: QuestionId,
        ice: &Result<IceServers, ErrorCode>,
        now: Timestamp,
    ) {
        let (conn, reqs) = self.questions.answered(question, now + self.config.question_patience);
        for req in reqs {
            let input = match ice.clone() {
                Ok(ice) => Input::IceServers { conn, ice, req },
                Err(code) => Input::IceServersRefused { conn, code, req },
            };
            self.input(input, now);
        }
    }

    /// Handles the host's report that it has written a room.
    pub fn handle_saved(&mut self, save: Save, now: Timestamp) {
        let announcement = self.saves.saved(save.room());
        drop(save);
        self.tell(announcement, now);
    }

    /// Handles the announcement that the host is about to stop. v2 participants are told when to
    /// come back, every connection is closed with
    /// [`CloseCode::Unavailable`](crate::CloseCode::Unavailable), and seats that can be resumed are
    /// kept.
    pub fn handle_draining(&mut self, reconnect_after: Duration, now: Timestamp) {
        let conns: Vec<ConnId> = self.health_checks.keys().collect();
        for conn in conns {
            self.input(Input::Draining { conn, reconnect_after }, now);
        }
    }

    /// Handles every deadline that has passed. Call it at the time of
    /// [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.hub.handle_timeout(now);
        self.drain(now);
        for (room, applied) in self.store.handle_timeout(now) {
            match applied.record {
                Some(_) => self.settle(applied, Answer::Record, now),
                None if self.config.saves => drop(self.saves.put(room, None)),
                None => {}
            }
        }
        self.drain(now);
        while let Some(conn) = self.health_checks.pop_due(now) {
            self.check_health(conn, now);
        }
        while let Some(question) = self.questions.pop_due(now) {
            self.unanswered(question, now);
        }
    }

    /// Takes the next connection that has something to send, for
    /// [`poll_transmit`](Self::poll_transmit). The connection is returned again when more is added
    /// later.
    #[must_use]
    pub fn poll_ready(&mut self) -> Option<ConnId> {
        while let Some(conn) = self.ready.pop_front() {
            if let Some(outbox) = self.outboxes.get_mut(&conn) {
                outbox.told_ready();
                return Some(conn);
            }
        }
        None
    }

    /// Takes the next thing to do with a socket; `None` if there is nothing to do now.
    ///
    /// A frame that is taken counts as sent, so take the next one when the socket has taken this
    /// one.
    #[must_use]
    pub fn poll_transmit(&mut self, conn: ConnId, now: Timestamp) -> Option<Transmit> {
        let transmit = self.outboxes.get_mut(&conn)?.take()?;
        match &transmit {
            Transmit::Close(_) => self.forget(conn),
            Transmit::Frame(frame) => self.input(Input::Sent { conn, bytes: frame.len() }, now),
            Transmit::Ping => {}
        }
        Some(transmit)
    }

    /// Takes the next question that only the host can answer.
    #[must_use]
    pub fn poll_question(&mut self) -> Option<Question> {
        self.questions.take()
    }

    /// Takes the next room that the host has to write; none without [`EngineConfig::saves`].
    #[must_use]
    pub fn poll_save(&mut self) -> Option<Save> {
        self.saves.take()
    }

    /// Takes the next event. It needs no action.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout). Every other call may change
    /// it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let deadlines = [
            self.hub.poll_timeout(),
            self.store.poll_timeout(),
            self.health_checks.next(),
            self.questions.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Whether a connection is open: not lost, and not closed by a [`Transmit::Close`] that was
    /// taken.
    pub fn is_open(&self, conn: ConnId) -> bool {
        self.outboxes.contains_key(&conn)
    }

    /// Whether nothing is left to do: no connection, no seat that waits for a resume, nothing to
    /// write. A host that wants to stop may stop then.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.outboxes.is_empty() && self.saves.is_empty() && self.hub.is_idle()
    }
}

/// The version of the protocol that a connection with that entry speaks.
fn spoken(entry: &Entry, protocol: ProtocolVersion) -> ProtocolVersion {
    match entry {
        Entry::Ask { .. } | Entry::Attach { .. } => protocol,
        Entry::Resume { .. } => ProtocolVersion::V2,
    }
}
