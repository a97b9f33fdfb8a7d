//! Why an operation was refused.

use std::fmt;

use crate::error::ErrorCode;
use crate::language::Language;

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reject {
    /// The creator cannot be put out of its own room.
    CreatorStays,
    /// The token was made before the password was changed, or its holder was put out.
    GrantVoid,
    /// The room has issued every id it can; only a new room helps.
    IdsExhausted,
    /// The invite is not the room's, or not any more.
    InviteVoid,
    /// Nobody of that id has a seat.
    ParticipantNotFound,
    /// Too many wrong passwords were tried, so that no password opens the room until its creator changes it.
    PasswordLocked,
    /// The new password is the old one.
    PasswordUnchanged,
    /// No seat is to be resumed with that token.
    ResumeFailed,
    /// The creator has closed the room.
    RoomClosed,
    /// The room's time is over.
    RoomExpired,
    /// Every seat for guests is taken.
    RoomFull,
    /// The creator lets nobody else in.
    RoomLocked,
    /// The store knows no such room.
    RoomNotFound,
    /// The password has been changed by somebody else meanwhile.
    RotationStale,
    /// The password was changed as often as a room allows.
    RotationsExhausted,
    /// The password is not the room's.
    WrongPassword,
}

impl Reject {
    /// What a connection is told whose entry was refused for this reason.
    ///
    /// Of the reasons without a code of their own only a lock answers an entry. A store that gives
    /// another one is answered without giving the reason away.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::GrantVoid => ErrorCode::TokenInvalid,
            Self::IdsExhausted => ErrorCode::Unavailable,
            Self::ResumeFailed => ErrorCode::ResumeFailed,
            Self::RoomClosed => ErrorCode::RoomClosed,
            Self::RoomExpired => ErrorCode::RoomExpired,
            Self::RoomFull => ErrorCode::RoomFull,
            Self::RoomNotFound => ErrorCode::RoomNotFound,
            Self::CreatorStays
            | Self::InviteVoid
            | Self::ParticipantNotFound
            | Self::PasswordLocked
            | Self::PasswordUnchanged
            | Self::RoomLocked
            | Self::RotationStale
            | Self::RotationsExhausted
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
