//! The sockets that had a seat and lost it, so that an operation of theirs that comes late finds nothing to do.

use std::collections::VecDeque;

use super::Seat;
use crate::ids::{Attachment, ParticipantId};
use crate::record::{InvalidRecord, Reader, Writer};

/// The last attachments that carried a seat of this room and do so no more.
///
/// Without it an attach or resume that a store delivers a second time would give a seat to a socket that has
/// gone, and take it from the one that has it now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct FormerLinks(VecDeque<Carried>);

/// What an attachment was answered when it got its seat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Carried {
    attachment: Attachment,
    pub(super) id: ParticipantId,
    pub(super) continued: bool,
}

impl Carried {
    /// The answer to the attachment that a seat has now.
    pub(super) fn by(seat: &Seat) -> Self {
        Self { attachment: seat.attachment, id: seat.id, continued: seat.continued }
    }
}

impl FormerLinks {
    pub(super) fn push(&mut self, seat: &Seat) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Carried::by(seat));
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.0.iter(), |out, carried| {
            out.attachment(carried.attachment);
            out.participant(carried.id);
            out.bool(carried.continued);
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidRecord> {
        let carried = |from: &mut Reader<'_>| {
            Ok(Carried {
                attachment: from.attachment()?,
                id: from.participant()?,
                continued: from.bool()?,
            })
        };
        Ok(Self(from.list(MOST, carried)?))
    }

    pub(super) fn carried(&self, attachment: Attachment) -> Option<Carried> {
        self.0.iter().find(|carried| carried.attachment == attachment).copied()
    }
}

/// More than a room has seats, so that even a restart of every socket at once is remembered whole.
const MOST: usize = 64;
