//! What a session has to tell the application.

use std::time::Duration;

use bytes::Bytes;
use signal_core::{ParticipantId, ParticipantInfo, RoomInfo};
use thiserror::Error;

/// Something that happened in the room, in the order in which the session learned of it.
///
/// A host adds what it knows itself, like tracks and data: see [`Event`](crate::Event).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The room is over for this participant. No event follows.
    Closed(CloseReason),
    /// The connection to another participant changed its state.
    ConnectionState {
        /// The other participant.
        participant: ParticipantId,
        /// The new state.
        state: ConnectionState,
        /// Why the connection was given up, if it was.
        failure: Option<ConnectionFailure>,
    },
    /// Another participant's application sent a message through the server.
    Message {
        /// The sender.
        from: ParticipantId,
        /// The topic.
        topic: String,
        /// The message, a JSON value.
        data: Bytes,
    },
    /// Somebody entered the room.
    ParticipantJoined(ParticipantInfo),
    /// Somebody left the room for good.
    ParticipantLeft(ParticipantId),
    /// Something about a participant changed; fields that did not change are `None`.
    ParticipantUpdated {
        /// The participant.
        participant: ParticipantId,
        /// Its new name.
        name: Option<String>,
        /// Its new state, a JSON value.
        state: Option<Bytes>,
        /// Whether it now has a signaling connection. Its media may flow without one.
        connected: Option<bool>,
    },
    /// The room has run out of password attempts, or has all of them again; only its creator gets
    /// this event.
    PasswordAttempts {
        /// How many attempts are left.
        left: u8,
        /// The time until the next attempt; zero if one is possible now.
        retry_after: Duration,
    },
    /// The signaling connection was lost and is being opened again.
    Reconnecting,
    /// This participant is back in the room under another id.
    Rejoined {
        /// The new id.
        id: ParticipantId,
    },
    /// The signaling connection is back, and the seat is the one from before.
    Resumed {
        /// Whether messages were lost. Negotiations that were under way start over.
        lossy: bool,
    },
    /// The room ends in so long, unless its creator extends it.
    RoomExpiring {
        /// The time that is left.
        left: Duration,
    },
    /// Something about the room changed: its name, its capacity, its lock or its end.
    RoomUpdated(RoomInfo),
    /// The server refused something that this participant sent.
    SignalingError {
        /// The stable code.
        code: String,
        /// A human-readable reason.
        message: String,
    },
    /// No way leads back into the room. Media goes on with those it flows to.
    SignalingLost {
        /// A human-readable reason.
        reason: String,
    },
}

/// The state of a connection to another participant (W3C WebRTC section 4.4.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// ICE and DTLS are done; media flows.
    Connected,
    /// ICE or DTLS is at work.
    Connecting,
    /// Nothing arrived for some seconds. ICE may recover by itself.
    Disconnected,
    /// Restarting ICE and rebuilding the connection did not help; it was given up.
    Failed,
}

/// Why a connection to another participant has failed.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConnectionFailure {
    /// This side cannot open a connection, for example since no socket can be bound, or cannot use
    /// what the other side describes. The log says more.
    #[error("this side cannot open the connection, or cannot use what the other side describes")]
    Broken,
    /// ICE found a path, but the two sides did not agree on keys over it (DTLS).
    #[error("a path was found, but the DTLS handshake was not finished over it")]
    Handshake,
    /// Nothing gets through between any two addresses of the two sides.
    #[error("no pair of candidates gets through")]
    NoPath,
    /// Nothing gets through directly, and no TURN server gave this side a relay.
    #[error("nothing gets through directly, and there is no relay: {0}")]
    NoRelay(NoRelay),
    /// The other side did not answer an offer.
    #[error("the other side does not answer")]
    Unanswered,
}

/// Why no TURN server gave this side a relay. The log names the servers.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum NoRelay {
    /// A TURN server has refused. With 401 it does not accept the credential.
    #[error("a TURN server refuses with error {code}")]
    Refused {
        /// The STUN error code (RFC 8656 section 19).
        code: u16,
    },
    /// No TURN server can be reached, or none answers.
    #[error("no TURN server answers")]
    Unreachable,
}

/// Why the room is over for this participant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This participant was removed from the room.
    Kicked {
        /// The server's reason, for people.
        reason: String,
    },
    /// This participant left.
    Left,
    /// The server closed the connection because of what this participant did or may not do.
    Refused {
        /// The WebSocket close code, such as 4504 (the room is full) or 4513 (this participant sent
        /// too much).
        code: u16,
    },
    /// A newer connection with the same token took the seat.
    Replaced,
    /// The room was closed.
    RoomClosed {
        /// The server's reason, for people.
        reason: String,
    },
    /// The room's time was over.
    RoomExpired {
        /// The server's reason, for people.
        reason: String,
    },
    /// The signaling connection was lost for good, and the last connection has ended since.
    SignalingLost {
        /// A human-readable reason.
        reason: String,
    },
}
