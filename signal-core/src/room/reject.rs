//! The reasons to refuse an operation.

use std::fmt;

use crate::error::ErrorCode;
use crate::language::Language;

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reject {
    /// The guests from one address have as many seats as they may.
    AddressFull,
    /// The creator cannot be kicked.
    CreatorStays,
    /// The token was made before the password was changed, or its holder was kicked.
    GrantVoid,
    /// The room has issued every participant id that it can. Only a new room helps.
    IdsExhausted,
    /// The invite is not the room's, or no longer is.
    InviteVoid,
    /// The participant has no permission for this.
    NotPermitted,
    /// No participant with that id has a seat.
    ParticipantNotFound,
    /// Too many wrong passwords were tried. No password of this client is compared for a while.
    PasswordLocked,
    /// The new password is the old one.
    PasswordUnchanged,
    /// The creator has restored the password attempts as often as a room permits.
    RestoresExhausted,
    /// The token resumes no seat.
    ResumeFailed,
    /// The creator has closed the room.
    RoomClosed,
    /// The room has expired.
    RoomExpired,
    /// Every seat for guests is taken.
    RoomFull,
    /// The creator has locked the room.
    RoomLocked,
    /// The store knows no such room.
    RoomNotFound,
    /// The capacity is above [`HubConfig::max_capacity`](crate::config::HubConfig::max_capacity).
    RoomTooLarge,
    /// The password has been changed meanwhile.
    RotationStale,
    /// The password is not the room's.
    WrongPassword,
}

impl Reject {
    /// The code for a connection that may not enter for this reason.
    ///
    /// A lock is the only reason without a code of its own that refuses an entry. If a store
    /// returns another one, the code does not reveal it.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::AddressFull | Self::RestoresExhausted => ErrorCode::RateLimited,
            Self::GrantVoid => ErrorCode::TokenInvalid,
            Self::IdsExhausted => ErrorCode::Unavailable,
            Self::ResumeFailed => ErrorCode::ResumeFailed,
            Self::RoomClosed => ErrorCode::RoomClosed,
            Self::RoomExpired => ErrorCode::RoomExpired,
            Self::RoomFull => ErrorCode::RoomFull,
            Self::RoomNotFound => ErrorCode::RoomNotFound,
            Self::CreatorStays
            | Self::InviteVoid
            | Self::NotPermitted
            | Self::ParticipantNotFound
            | Self::PasswordLocked
            | Self::PasswordUnchanged
            | Self::RoomLocked
            | Self::RoomTooLarge
            | Self::RotationStale
            | Self::WrongPassword => ErrorCode::Forbidden,
        }
    }
}

/// The [text](Self::text) in English.
impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(Language::En))
    }
}

impl std::error::Error for Reject {}
