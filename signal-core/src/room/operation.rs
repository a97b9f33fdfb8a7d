//! What can be asked of a room, and what it answers.

use std::sync::Arc;

use thiserror::Error;

use super::{Capacity, CloseReason};
use crate::ids::{Attachment, IdSuffix, ParticipantId, Ticket};
use crate::message::Payload;
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::token::{PasswordTag, TokenHash};

/// A change to a room, complete in itself so that it can be sent to a store and repeated.
///
/// A repetition changes nothing, however late, except that the last `Change` or `Update` to be applied wins: ask for
/// the next one only when the one before is done. And each `Admit` is a new request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Op {
    /// Lets somebody in who knows the password or holds an invite: promises an id, takes no seat.
    Admit {
        /// What was shown.
        by: Admission,
        /// The random part of the id to promise.
        suffix: IdSuffix,
    },
    /// Gives a socket the seat that its token names, as the newest of the room.
    Attach {
        /// What the token grants. The host has verified the token.
        grant: Grant,
        /// The name to show.
        name: DisplayName,
        /// How the socket speaks.
        protocol: ProtocolVersion,
        /// The socket.
        attachment: Attachment,
        /// What resumes the seat; of no use in v1.
        resume: TokenHash,
        /// The random part of the id, in case a fresh one is needed.
        suffix: IdSuffix,
    },
    /// Changes what the creator may change.
    Change(Change),
    /// Ends the room.
    Close(CloseReason),
    /// The socket is gone; its seat is kept until the given moment, not at all if that has come.
    Detach {
        /// The socket.
        attachment: Attachment,
        /// When the seat is given up.
        until: Timestamp,
    },
    /// Puts a participant out, and whoever else holds the token it came with.
    Kick {
        /// Whom.
        participant: ParticipantId,
        /// A new password, so that it cannot come back with the old one: that makes the kick a ban.
        rotate: Option<Rotation>,
    },
    /// The participant leaves for good.
    Leave {
        /// Its socket.
        attachment: Attachment,
        /// How it said so.
        how: LeaveKind,
    },
    /// Ends seats and rooms whose time has come; every other operation does so too.
    Prune,
    /// Gives a seat back to a participant that lost its socket, or that comes with another one.
    Resume {
        /// The hash of the token shown.
        token: TokenHash,
        /// The hash of the token for the next time.
        next_token: TokenHash,
        /// The socket.
        attachment: Attachment,
        /// The socket before this one, if its hub still holds every message that was missed.
        continues: Option<Attachment>,
    },
    /// Changes what a participant shows of itself.
    Update {
        /// Its socket.
        attachment: Attachment,
        /// The name to show from now on.
        name: Option<DisplayName>,
        /// The state to show from now on.
        state: Option<Payload>,
    },
}

/// What lets a newcomer in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// The hash of an invite token. It costs no guess and passes no lock.
    Invite(TokenHash),
    /// The tag of a password.
    Password(PasswordTag),
}

/// What a verified token grants: a seat, until the password is rotated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grant {
    /// Which seat.
    pub ticket: Ticket,
    /// The room's [`password_epoch`](super::Room::password_epoch) when the token was made. An older one is void,
    /// unless its seat is taken already or is the creator's.
    pub password_epoch: u32,
}

/// How a participant says that it leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeaveKind {
    /// By closing its socket in order: its seat ends, the room never.
    Close,
    /// By a message: from the creator that ends the room, unless the room was created to be kept.
    Leave,
}

/// What the creator changes; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Change {
    /// The name to show.
    pub name: Option<Arc<str>>,
    /// Whether newcomers are kept out.
    pub locked: Option<bool>,
    /// How many participants fit; nobody is put out by a smaller number.
    pub capacity: Option<Capacity>,
    /// When the room ends; the host keeps it within 24 hours of the [creation](super::Room::created_at).
    pub expires_at: Option<Timestamp>,
    /// A new password.
    pub rotate: Option<Rotation>,
}

/// A new password and invite. It voids the old ones, and tokens that have not been used yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// The tag of the new password, which has to be another one.
    pub password: PasswordTag,
    /// The hash of the new invite token.
    pub invite: TokenHash,
    /// The [`password_epoch`](super::Room::password_epoch) it follows, which makes repeating it harmless.
    pub follows: u32,
}

/// What an operation that was carried out answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Receipt {
    /// To everything that is not listed below.
    Done,
    /// To `Admit` the id that was promised, to `Attach` the one that holds from now on.
    Entered {
        /// The participant.
        id: ParticipantId,
    },
    /// To `Resume`.
    Resumed {
        /// The participant.
        id: ParticipantId,
        /// Whether the messages that were missed can be sent after all; if not, its pairs are void.
        continued: bool,
    },
}

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Reject {
    /// The creator cannot be put out of its own room.
    #[error("the creator cannot be put out")]
    CreatorStays,
    /// The token was made before the password was changed, or its holder was put out.
    #[error("the token is void")]
    GrantVoid,
    /// The room has issued every id it can; only a new room helps.
    #[error("the room has issued all its ids")]
    IdsExhausted,
    /// The invite is not the room's, or not any more.
    #[error("the invite is not valid")]
    InviteVoid,
    /// Nobody of that id has a seat.
    #[error("no such participant")]
    ParticipantNotFound,
    /// Too many wrong passwords were tried, so that no password opens the room until its creator changes it.
    #[error("too many wrong passwords were tried")]
    PasswordLocked,
    /// The new password is the old one.
    #[error("the new password is the old one")]
    PasswordUnchanged,
    /// No seat is to be resumed with that token.
    #[error("the session is gone")]
    ResumeFailed,
    /// The creator has closed the room.
    #[error("the room is closed")]
    RoomClosed,
    /// The room's time is over.
    #[error("the room has expired")]
    RoomExpired,
    /// Every seat for guests is taken.
    #[error("the room is full")]
    RoomFull,
    /// The creator lets nobody else in.
    #[error("the room is locked")]
    RoomLocked,
    /// The store knows no such room.
    #[error("no such room")]
    RoomNotFound,
    /// The password has been changed by somebody else meanwhile.
    #[error("the password has been changed meanwhile")]
    RotationStale,
    /// The password was changed as often as a room allows.
    #[error("the password was changed too often")]
    RotationsExhausted,
    /// The password is not the room's.
    #[error("wrong password")]
    WrongPassword,
}
