//! What can go wrong for a participant, as stable codes.

use std::fmt;
use std::time::Duration;

/// The reason in an `error` message. Clients branch on it, so the names never change.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The sender is not permitted to do this.
    Forbidden,
    /// The frame is not a message: it is not JSON, or a field is missing or of the wrong type.
    InvalidMessage,
    /// The frame, or a field of it, is over its size limit.
    MessageTooLarge,
    /// The other side's offer was on its way already and takes precedence.
    OfferConflict,
    /// No participant with that id is in the room.
    PeerNotFound,
    /// The addressee cannot be reached. Trying again may help, unless the `error` says otherwise.
    PeerUnreachable,
    /// The sender is over its message or byte budget.
    RateLimited,
    /// The seat can no longer be resumed; join again.
    ResumeFailed,
    /// The room has been closed.
    RoomClosed,
    /// The room has expired.
    RoomExpired,
    /// Every seat for guests is taken.
    RoomFull,
    /// There is no such room.
    RoomNotFound,
    /// The sender addressed itself.
    SelfTarget,
    /// The token has expired; join again.
    TokenExpired,
    /// The token is malformed, forged, void, or for another room.
    TokenInvalid,
    /// The server cannot do this right now. Trying again may help.
    Unavailable,
    /// The server does not know the type of the message.
    UnknownType,
}

impl ErrorCode {
    const ALL: [Self; 17] = [
        Self::Forbidden,
        Self::InvalidMessage,
        Self::MessageTooLarge,
        Self::OfferConflict,
        Self::PeerNotFound,
        Self::PeerUnreachable,
        Self::RateLimited,
        Self::ResumeFailed,
        Self::RoomClosed,
        Self::RoomExpired,
        Self::RoomFull,
        Self::RoomNotFound,
        Self::SelfTarget,
        Self::TokenExpired,
        Self::TokenInvalid,
        Self::Unavailable,
        Self::UnknownType,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::InvalidMessage => "invalid_message",
            Self::MessageTooLarge => "message_too_large",
            Self::OfferConflict => "offer_conflict",
            Self::PeerNotFound => "peer_not_found",
            Self::PeerUnreachable => "peer_unreachable",
            Self::RateLimited => "rate_limited",
            Self::ResumeFailed => "resume_failed",
            Self::RoomClosed => "room_closed",
            Self::RoomExpired => "room_expired",
            Self::RoomFull => "room_full",
            Self::RoomNotFound => "room_not_found",
            Self::SelfTarget => "self_target",
            Self::TokenExpired => "token_expired",
            Self::TokenInvalid => "token_invalid",
            Self::Unavailable => "unavailable",
            Self::UnknownType => "unknown_type",
        }
    }

    /// Returns the code with that name on the wire.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// How long to wait before trying again; `None` if trying again is of no use.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::PeerUnreachable | Self::RateLimited | Self::Unavailable => {
                Some(Duration::from_secs(1))
            }
            Self::Forbidden
            | Self::InvalidMessage
            | Self::MessageTooLarge
            | Self::OfferConflict
            | Self::PeerNotFound
            | Self::ResumeFailed
            | Self::RoomClosed
            | Self::RoomExpired
            | Self::RoomFull
            | Self::RoomNotFound
            | Self::SelfTarget
            | Self::TokenExpired
            | Self::TokenInvalid
            | Self::UnknownType => None,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
