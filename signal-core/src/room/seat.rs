//! One place in a room.

use crate::ids::{Link, ParticipantId, Ticket};
use crate::message::Participant;
use crate::name::DisplayName;
use crate::time::Timestamp;

/// A participant's place in a room, held from its attach until it leaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seat {
    /// What its token names.
    pub ticket: Ticket,
    /// What the others know it by.
    pub id: ParticipantId,
    /// The name to show.
    pub name: DisplayName,
    /// Where its socket is.
    pub presence: Presence,
}

/// Whether a seat's socket is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// Through this socket.
    Attached(Link),
    /// The socket was lost, the seat is kept.
    Detached {
        /// When it was lost.
        since: Timestamp,
        /// When the seat is given up.
        until: Timestamp,
    },
}

impl Seat {
    /// Whether this is the creator's seat.
    pub fn is_creator(&self) -> bool {
        self.ticket == Ticket::Creator
    }

    /// The entry for lists of participants.
    pub fn participant(&self) -> Participant {
        Participant { id: self.id, name: self.name.shared(), is_creator: self.is_creator() }
    }

    pub(super) fn is_attached(&self) -> bool {
        matches!(self.presence, Presence::Attached(_))
    }

    pub(super) fn detached_since(&self) -> Option<Timestamp> {
        match self.presence {
            Presence::Attached(_) => None,
            Presence::Detached { since, .. } => Some(since),
        }
    }

    pub(super) fn detached_until(&self) -> Option<Timestamp> {
        match self.presence {
            Presence::Attached(_) => None,
            Presence::Detached { until, .. } => Some(until),
        }
    }

    pub(super) fn lapsed(&self, now: Timestamp) -> bool {
        self.detached_until().is_some_and(|until| until <= now)
    }
}
