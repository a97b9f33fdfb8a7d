//! One connection, as the hub knows it.

use super::frame::ClientFrame;
use super::io::Disconnect;
use super::unsent::Unsent;
use crate::client::Client;
use crate::entry::Randomness;
use crate::ice::IceServers;
use crate::ids::{ParticipantId, RoomId};
use crate::language::Language;
use crate::protocol::ProtocolVersion;

/// A connection from its opening until the hub closes it or it is lost.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) room: RoomId,
    pub(super) protocol: ProtocolVersion,
    pub(super) language: Language,
    pub(super) phase: Phase,
    pub(super) randomness: Randomness,
    pub(super) client: Option<Client>,
    pub(super) unsent: Unsent,
    /// Whether names or states of others wait for space.
    pub(super) is_owed: bool,
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
    /// Whether the socket is counted among those that its ticket has opened.
    pub(super) is_counted: bool,
    /// For a resume: how many messages the participant has received.
    pub(super) last_seq: u64,
    /// Set if the connection is lost meanwhile. The seat is then given back once it is granted.
    pub(super) lost: Option<Disconnect>,
}

/// Frames of a connection that has no seat yet.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    frames: Vec<ClientFrame>,
    bytes: usize,
}

impl Connection {
    pub(super) fn new(
        room: RoomId,
        protocol: ProtocolVersion,
        language: Language,
        randomness: Randomness,
        client: Option<Client>,
    ) -> Self {
        Self {
            room,
            protocol,
            language,
            phase: Phase::Authorizing(Backlog::default()),
            randomness,
            client,
            unsent: Unsent::default(),
            is_owed: false,
        }
    }

    /// Whether the store has been asked for a seat and has not answered yet.
    pub(super) fn is_attaching(&self) -> bool {
        matches!(self.phase, Phase::Attaching(_))
    }

    /// The room and the participant, once it has its seat.
    pub(super) fn seat(&self) -> Option<(RoomId, ParticipantId)> {
        match self.phase {
            Phase::Seated(id) => Some((self.room, id)),
            Phase::Attaching(_) | Phase::Authorizing(_) | Phase::Leaving => None,
        }
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
