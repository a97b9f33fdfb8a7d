//! One connection, as the hub knows it.

use std::time::Duration;

use super::budget::Budget;
use super::frame::ClientFrame;
use super::io::{Disconnect, Randomness};
use crate::client::Client;
use crate::ids::{ParticipantId, RoomId};
use crate::language::Language;
use crate::message::IceServers;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;

/// A connection from its opening until the hub closes it or it is lost.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) room: RoomId,
    pub(super) protocol: ProtocolVersion,
    pub(super) language: Language,
    pub(super) phase: Phase,
    pub(super) randomness: Randomness,
    pub(super) client: Option<Client>,
    pub(super) budget: Budget,
    /// Bytes handed out and not acknowledged.
    pub(super) unsent_bytes: usize,
    bad_messages: BadMessages,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// The host has not decided yet whether the participant may enter.
    Authorizing(Backlog),
    /// The store has not answered the attach or resume yet.
    Attaching(Attaching),
    /// The participant has left. The store has not answered yet, and what the participant sends is
    /// ignored.
    Leaving,
    /// The participant has a seat, and was sent `joined` or `resumed`.
    Seated(ParticipantId),
}

/// What a connection needs when the store gives it a seat.
#[derive(Debug)]
pub(super) struct Attaching {
    /// What the participant sends meanwhile.
    pub(super) backlog: Backlog,
    pub(super) ice: Option<IceServers>,
    /// For a resume: how many messages the participant has received.
    pub(super) last_seq: u64,
    /// Set if the connection is lost meanwhile. The seat is given back when it comes.
    pub(super) lost: Option<Disconnect>,
}

/// Frames of a connection that has no seat yet.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    frames: Vec<ClientFrame>,
    bytes: usize,
}

/// The bad messages of about the last minute.
#[derive(Debug)]
struct BadMessages {
    since: Timestamp,
    count: u32,
}

impl Connection {
    pub(super) fn new(
        room: RoomId,
        protocol: ProtocolVersion,
        language: Language,
        randomness: Randomness,
        client: Option<Client>,
        now: Timestamp,
    ) -> Self {
        Self {
            room,
            protocol,
            language,
            phase: Phase::Authorizing(Backlog::default()),
            randomness,
            client,
            budget: Budget::new(now),
            unsent_bytes: 0,
            bad_messages: BadMessages { since: now, count: 0 },
        }
    }

    /// Whether the store has been asked for a seat and has not answered yet.
    pub(super) fn is_attaching(&self) -> bool {
        matches!(self.phase, Phase::Attaching(_))
    }

    /// Counts bytes that were handed out; `true` if more than `most` are not acknowledged.
    pub(super) fn count_unsent(&mut self, bytes: usize, most: usize) -> bool {
        self.unsent_bytes += bytes;
        self.unsent_bytes > most
    }

    /// Counts a bad message; `true` if it is one too many.
    pub(super) fn count_bad_message(&mut self, most: u32, now: Timestamp) -> bool {
        if now.saturating_since(self.bad_messages.since) >= MINUTE {
            self.bad_messages = BadMessages { since: now, count: 0 };
        }
        self.bad_messages.count += 1;
        self.bad_messages.count > most
    }
}

impl Backlog {
    pub(super) fn push(&mut self, frame: ClientFrame) {
        // Short frames take memory too.
        self.bytes += frame.bytes + size_of::<ClientFrame>();
        self.frames.push(frame);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_frames(self) -> Vec<ClientFrame> {
        self.frames
    }
}

const MINUTE: Duration = Duration::from_secs(60);
