//! What participants and the server say to each other, independent of its encoding.
//!
//! The JSON form lives in [`wire`](crate::wire) alone.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::ErrorCode;
use crate::ids::ParticipantId;

/// A message from a participant to the server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// Leaves the room for good. From the creator it closes the room.
    Leave,
    /// Passes a description or a candidate on to another participant.
    Signal {
        /// The addressee.
        to: ParticipantId,
        /// What to pass on.
        signal: Signal,
    },
}

/// A message from the server to a participant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServerMessage {
    /// Something the participant sent was refused, or its connection is about to be closed.
    Error {
        /// The stable reason.
        code: ErrorCode,
        /// The reason for people.
        message: String,
    },
    /// The first message of a connection: who you are and who else is here.
    Joined {
        /// The receiver's own id, authoritative over the one `join` promised.
        participant_id: ParticipantId,
        /// Everybody else, oldest first.
        participants: Vec<Participant>,
    },
    /// Somebody entered.
    PeerJoined {
        /// Who.
        participant: Participant,
    },
    /// Somebody is gone for good.
    PeerLeft {
        /// Who.
        participant_id: ParticipantId,
    },
    /// The room is over; the connection closes after this.
    RoomClosed {
        /// Why, for people.
        reason: String,
    },
    /// A description or candidate from another participant.
    Signal {
        /// The sender, filled in by the server.
        from: ParticipantId,
        /// What it sent.
        signal: Signal,
    },
}

/// One entry of a room's list of participants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Participant {
    /// Unique within the room.
    pub id: ParticipantId,
    /// The name to show.
    pub name: Arc<str>,
    /// Whether this participant created the room.
    pub is_creator: bool,
}

/// A description or candidate on its way from one participant to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signal {
    /// Which of the three it is.
    pub kind: SignalKind,
    /// The SDP or candidate, not looked into.
    pub payload: Payload,
}

/// The three kinds of message that travel between participants (RFC 8829).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignalKind {
    /// The session description that opens a negotiation.
    Offer,
    /// The session description that settles it.
    Answer,
    /// An ICE candidate (RFC 8838).
    Candidate,
}

/// The JSON value of an SDP or a candidate, exactly as its sender wrote it.
///
/// It is a slice of the frame it arrived in: passing it on neither parses nor re-encodes it. The slice keeps
/// the whole frame alive, so copy what you mean to keep.
#[derive(Clone, Eq, PartialEq)]
pub struct Payload(Bytes);

impl Payload {
    /// Wraps a slice that is known to be exactly one JSON value.
    pub(crate) fn from_validated(json: Bytes) -> Self {
        Self(json)
    }

    /// The JSON text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Shows the size only: an SDP holds addresses and key fingerprints, which do not belong in a log.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}
