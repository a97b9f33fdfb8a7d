//! The close codes of the protocol.

use crate::error::ErrorCode;
use crate::room::Reject;

/// Why a connection is closed, as a WebSocket close code (RFC 6455 section 7.4).
///
/// A client should not reconnect on its own after a 45xx code.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CloseCode {
    /// 4501: the participant sent too many bad messages.
    BadMessages,
    /// 4500: the participant may not enter the room.
    BadToken,
    /// 4012: nothing has arrived from the other side for too long; come back and resume. An
    /// [`Engine`](crate::Engine) has this deadline; a hub alone does not.
    Idle,
    /// 4511: the participant was kicked.
    Kicked,
    /// 1000: the participant has left.
    Left,
    /// 4513: the participant exceeded its rate for too long.
    RateLimited,
    /// 4509: a newer connection has taken over the seat.
    Replaced,
    /// 4510: the seat is gone; join again.
    ResumeFailed,
    /// 4503: the room is closed, expired or unknown.
    RoomClosed,
    /// 4504: no seat is free.
    RoomFull,
    /// 4008: the participant does not read fast enough; come back and resume.
    SlowConsumer,
    /// 4001: the server cannot do this right now, or the participant opens sockets too often; come
    /// back.
    Unavailable,
}

impl CloseCode {
    /// The number on the wire.
    pub fn as_u16(self) -> u16 {
        match self {
            Self::BadMessages => 4501,
            Self::BadToken => 4500,
            Self::Idle => 4012,
            Self::Kicked => 4511,
            Self::Left => 1000,
            Self::RateLimited => 4513,
            Self::Replaced => 4509,
            Self::ResumeFailed => 4510,
            Self::RoomClosed => 4503,
            Self::RoomFull => 4504,
            Self::SlowConsumer => 4008,
            Self::Unavailable => 4001,
        }
    }

    /// The close code for a connection that a room refuses.
    pub(crate) fn after_reject(reject: Reject) -> Self {
        match reject {
            // Nobody can enter that room again, so trying again is of no use.
            Reject::IdsExhausted => Self::RoomClosed,
            other => Self::after_refusal(other.code()),
        }
    }

    /// The close code for a connection that was refused with that error.
    pub fn after_refusal(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ResumeFailed => Self::ResumeFailed,
            ErrorCode::RoomClosed | ErrorCode::RoomExpired | ErrorCode::RoomNotFound => {
                Self::RoomClosed
            }
            ErrorCode::RoomFull => Self::RoomFull,
            // A participant that reconnects too often may come back later.
            ErrorCode::PeerUnreachable | ErrorCode::RateLimited | ErrorCode::Unavailable => {
                Self::Unavailable
            }
            ErrorCode::Forbidden
            | ErrorCode::InvalidMessage
            | ErrorCode::MessageTooLarge
            | ErrorCode::OfferConflict
            | ErrorCode::PeerNotFound
            | ErrorCode::SelfTarget
            | ErrorCode::TokenExpired
            | ErrorCode::TokenInvalid
            | ErrorCode::UnknownType => Self::BadToken,
        }
    }
}
