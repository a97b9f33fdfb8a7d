//! The participant ids that a room issues, in blocks that its record reserves.

use super::durability::{Changes, Durability};
use super::reject::Reject;
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::ids::{IdSuffix, ParticipantId};

/// Counts ids down. The record holds the end of the block that is in use, not the last id, so that
/// most ids are issued without a write. A process that reads a record skips the rest of the block,
/// since its ids may have been issued and none is issued twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct IdIssuer {
    /// The number of the last id. The next one has the number below.
    last: u32,
    /// The lowest number of the block that is reserved.
    reserved: u32,
}

impl IdIssuer {
    /// Returns a new issuer, and its first id.
    pub(super) fn new(suffix: IdSuffix) -> (Self, ParticipantId) {
        let last = ParticipantId::PER_ROOM - 1;
        let issuer = Self { last, reserved: last + 1 - BLOCK };
        (issuer, ParticipantId::issue(last, suffix))
    }

    /// Issues the next id, which is smaller than all before it.
    pub(super) fn issue(
        &mut self,
        suffix: IdSuffix,
        changes: &mut Changes,
    ) -> Result<ParticipantId, Reject> {
        let next = self.last.checked_sub(1).ok_or(Reject::IdsExhausted)?;
        if next < self.reserved {
            self.reserved = self.reserved.saturating_sub(BLOCK);
            changes.note(Durability::BeforeAnswer);
        }
        self.last = next;
        changes.note(Durability::Volatile);
        Ok(ParticipantId::issue(next, suffix))
    }

    /// Whether that id may have been issued.
    pub(super) fn may_have_issued(&self, id: ParticipantId) -> bool {
        id >= ParticipantId::issue(self.last, IdSuffix::new(0))
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u32(self.reserved);
    }

    /// Writes the last id too, for processes that never forget it.
    pub(super) fn write_last(&self, out: &mut Writer) {
        out.u32(self.last);
    }

    pub(super) fn read_last(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidBytes> {
        self.last = from.u32()?;
        let block = self.reserved..self.reserved.saturating_add(BLOCK);
        if block.contains(&self.last) { Ok(()) } else { Err(InvalidBytes::Damaged) }
    }

    pub(super) fn read(from: &mut Reader<'_>, format: u8) -> Result<Self, InvalidBytes> {
        let stored = from.u32()?;
        let (scale, most) = match format {
            // These formats count with four digits and store the last id. Each number of four
            // digits is the prefix of 36 numbers of five digits.
            1 | 2 => (36, ParticipantId::PER_ROOM / 36),
            _ => (1, ParticipantId::PER_ROOM),
        };
        if stored >= most {
            return Err(InvalidBytes::Damaged);
        }
        let reserved = stored * scale;
        Ok(Self { last: reserved, reserved })
    }
}

const BLOCK: u32 = 1000;
