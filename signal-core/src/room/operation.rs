//! What can be asked of a room, and what it answers.

use thiserror::Error;

use crate::ids::{IdSuffix, Link, ParticipantId, Ticket};
use crate::name::DisplayName;
use crate::password::PasswordTag;
use crate::time::Timestamp;

/// A change to a room, complete in itself so that it can be sent to a store and repeated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Op {
    /// Lets somebody who knows the password in: promises an id, takes no seat.
    Admit {
        /// The tag of the password given.
        password: PasswordTag,
        /// The random part of the id to promise.
        suffix: IdSuffix,
    },
    /// Gives a socket the seat that its token names.
    Attach {
        /// What the token names. The host has verified the token.
        ticket: Ticket,
        /// The name to show.
        name: DisplayName,
        /// The socket.
        link: Link,
        /// The random part of the id, in case a fresh one is needed.
        suffix: IdSuffix,
    },
    /// Ends the room, at its creator's wish.
    Close,
    /// The socket is gone; its seat is kept until the given moment, not at all if that has come.
    Detach {
        /// The socket.
        link: Link,
        /// When the seat is given up.
        until: Timestamp,
    },
    /// The participant leaves for good; the creator's leaving closes the room.
    Leave {
        /// Its socket.
        link: Link,
    },
    /// Ends seats and rooms whose time has come; every other operation does so too.
    Prune,
}

/// What an operation that was carried out answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Receipt {
    /// To everything but `Admit` and `Attach`.
    Done,
    /// To `Admit` the id that was promised, to `Attach` the one that holds from now on.
    Entered {
        /// The participant.
        id: ParticipantId,
    },
}

/// Why an operation was refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Reject {
    /// The room has issued every id it can; only a new room helps.
    #[error("the room has issued all its ids")]
    IdsExhausted,
    /// Too many wrong passwords were tried, so that no password opens the room any more.
    #[error("too many wrong passwords were tried")]
    PasswordLocked,
    /// The creator has closed the room.
    #[error("the room is closed")]
    RoomClosed,
    /// The room's time is over.
    #[error("the room has expired")]
    RoomExpired,
    /// Every seat for guests is taken.
    #[error("the room is full")]
    RoomFull,
    /// The store knows no such room.
    #[error("no such room")]
    RoomNotFound,
    /// The password is not the room's.
    #[error("wrong password")]
    WrongPassword,
}
