//! What a hub knows of one connection.

use std::time::Duration;

use bytes::Bytes;

use super::budget::Budget;
use super::io::{Disconnect, Randomness};
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
    pub(super) budget: Budget,
    /// Bytes handed out and not acknowledged.
    pub(super) unsent_bytes: usize,
    bad_messages: BadMessages,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// The host has not decided yet whether it may enter.
    Asking(Held),
    /// The store has not answered yet.
    Entering(Entering),
    /// It has left; the store has not answered yet and nothing it sends counts.
    Leaving,
    /// In the room.
    Seated(ParticipantId),
}

/// A connection on its way to a seat.
#[derive(Debug)]
pub(super) struct Entering {
    /// What it already sends waits.
    pub(super) held: Held,
    pub(super) ice: Option<IceServers>,
    /// Of a resume, how many messages the participant has received.
    pub(super) last_seq: u64,
    /// It has gone meanwhile: the seat is given back when it comes.
    pub(super) lost: Option<Disconnect>,
}

/// Frames that wait for their connection to be seated.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: Vec<Bytes>,
    bytes: usize,
}

/// Bad messages of the last minute or so.
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
        now: Timestamp,
    ) -> Self {
        Self {
            room,
            protocol,
            language,
            phase: Phase::Asking(Held::default()),
            randomness,
            budget: Budget::new(now),
            unsent_bytes: 0,
            bad_messages: BadMessages { since: now, count: 0 },
        }
    }

    /// Counts a bad message; `true` if it was one too many.
    pub(super) fn count_bad_message(&mut self, most: u32, now: Timestamp) -> bool {
        if now.saturating_since(self.bad_messages.since) >= MINUTE {
            self.bad_messages = BadMessages { since: now, count: 0 };
        }
        self.bad_messages.count += 1;
        self.bad_messages.count > most
    }
}

impl Held {
    pub(super) fn push(&mut self, frame: Bytes) {
        // Empty frames take memory too.
        self.bytes += frame.len() + size_of::<Bytes>();
        self.frames.push(frame);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_frames(self) -> Vec<Bytes> {
        self.frames
    }
}

const MINUTE: Duration = Duration::from_secs(60);
