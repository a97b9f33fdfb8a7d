//! The events of a session for the application.

use std::time::Duration;

use bytes::Bytes;
use signal_core::identity::Attributes;
use signal_core::message::{ParticipantInfo, RoomInfo};
use signal_core::{ParticipantId, Permissions};
use thiserror::Error;

/// Something that happened in the room, in the order in which the session learned of it.
///
/// A host adds its own events, for tracks and data; see [`Event`](crate::Event).
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
    /// The host application sent a message.
    HostMessage {
        /// The topic.
        topic: String,
        /// The message, a JSON value.
        data: Bytes,
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
        /// Its new attributes, which are empty if it has none any more.
        attributes: Option<Attributes>,
        /// Whether it may now send media and data, which are otherwise not delivered.
        publish: Option<bool>,
        /// Whether it now has a signaling connection. Its media may flow without one.
        connected: Option<bool>,
    },
    /// The password attempts of the room have run out, or all of them are available again. Only the
    /// creator gets this event.
    PasswordAttempts {
        /// How many attempts are left.
        left: u8,
        /// The time until the next attempt; zero if one is possible now.
        retry_after: Duration,
    },
    /// The permissions of this participant have changed.
    PermissionsChanged(Permissions),
    /// The signaling connection was lost and is being reopened.
    Reconnecting,
    /// This participant is back in the room under another id.
    Rejoined {
        /// The new id.
        id: ParticipantId,
    },
    /// The signaling connection is open again, and the seat is the same as before.
    Resumed {
        /// Whether messages were lost. Negotiations that were under way start over.
        lossy: bool,
    },
    /// The room ends soon, unless it is extended.
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
    /// This participant cannot return to the room. Media on existing connections continues.
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
    /// ICE or DTLS is in progress.
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
    /// This side cannot open a connection, for example because no socket can be bound, or cannot
    /// use the description of the other side. The log has details.
    #[error("this side cannot open the connection, or cannot use the other side's description")]
    Broken,
    /// ICE found a path, but the DTLS handshake over it did not complete.
    #[error("a path was found, but the DTLS handshake was not finished over it")]
    Handshake,
    /// No packets get through between any two addresses of the two sides.
    #[error("no pair of ICE candidates works")]
    NoPath,
    /// No packets get through directly, and no TURN server allocated a relay for this side.
    #[error("no direct path works, and there is no relay: {0}")]
    NoRelay(NoRelay),
    /// The other side did not answer an offer.
    #[error("the other side does not answer")]
    Unanswered,
}

/// Why no TURN server allocated a relay for this side. The log names the servers.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
#[non_exhaustive]
pub enum NoRelay {
    /// A TURN server has refused. 401 means that it does not accept the credential.
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
    /// The server closed the connection because this participant did something wrong, or may not
    /// enter.
    Refused {
        /// The WebSocket close code, such as 4504 (the room is full) or 4513 (this participant sent
        /// too much).
        code: u16,
    },
    /// A newer connection with the same token has taken the seat.
    Replaced,
    /// The room was closed.
    RoomClosed {
        /// The server's reason, for people.
        reason: String,
    },
    /// The room has expired.
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
