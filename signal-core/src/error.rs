//! What can go wrong for a participant, as stable codes with a text for people.

use std::fmt;
use std::time::Duration;

use crate::language::Language;

/// The reason in an `error` message; clients branch on it, so the names never change.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The sender may not do this.
    Forbidden,
    /// The sender's frame is not a message: not JSON, or a field is missing or of the wrong type.
    InvalidMessage,
    /// The sender's frame is over the size limit.
    MessageTooLarge,
    /// The sender offered while the other side's offer was on its way; the other one has won.
    OfferConflict,
    /// Nobody of that id is in the room.
    PeerNotFound,
    /// The addressee cannot be reached; trying again may help, unless the `error` says that it does not.
    PeerUnreachable,
    /// The sender is over its message or byte budget.
    RateLimited,
    /// The session can no longer be resumed; join again.
    ResumeFailed,
    /// The room has been closed.
    RoomClosed,
    /// The room's time is over.
    RoomExpired,
    /// Every seat is taken.
    RoomFull,
    /// No such room.
    RoomNotFound,
    /// A participant addressed itself.
    SelfTarget,
    /// The token's time is over; join again.
    TokenExpired,
    /// The token is malformed, forged, or for something else.
    TokenInvalid,
    /// The server cannot do this right now; trying again may help.
    Unavailable,
    /// The sender's message is of a type this server does not know.
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

    /// The code of that name on the wire.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// After how long it is worth trying again what failed for that reason, if it ever is.
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

    /// The text for people: what was wrong and, where there is something to do, what.
    pub fn text(self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::Forbidden => ("没有权限", "you may not do this"),
            Self::InvalidMessage => ("消息格式无效", "the message is malformed"),
            Self::MessageTooLarge => ("消息过大", "the message is too large"),
            Self::OfferConflict => (
                "对方的 Offer 已先到达，请回滚并应答",
                "the other side's offer came first; roll back and answer it",
            ),
            Self::PeerNotFound => ("对方不在房间内", "no such participant in the room"),
            Self::PeerUnreachable => ("无法联系对方", "the participant cannot be reached"),
            Self::RateLimited => ("发送过于频繁", "too many messages; slow down"),
            Self::ResumeFailed => ("会话已失效，请重新加入", "the session is gone; join again"),
            Self::RoomClosed => ("房间已关闭", "the room is closed"),
            Self::RoomExpired => ("房间已过期", "the room has expired"),
            Self::RoomFull => ("房间已满", "the room is full"),
            Self::RoomNotFound => ("房间不存在", "no such room"),
            Self::SelfTarget => ("不能向自己发送", "a participant cannot address itself"),
            Self::TokenExpired => ("令牌已过期，请重新加入", "the token has expired; join again"),
            Self::TokenInvalid => ("令牌无效", "the token is not valid"),
            Self::Unavailable => {
                ("服务暂不可用，请稍后再试", "the server cannot do this right now; try again")
            }
            Self::UnknownType => ("未知的消息类型", "the message type is not known"),
        };
        match language {
            Language::En => en,
            Language::Zh => zh,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
