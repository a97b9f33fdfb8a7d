//! How seats ended, so that every node can tell its members why a participant left.

use std::collections::VecDeque;

use super::memory::{LONGEST, push};
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::ids::ParticipantId;
use crate::reason::LeaveReason;

/// The last departures from a room. A node that misses more of them at once reports the others as
/// [`LeaveReason::Lost`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Departures(VecDeque<(ParticipantId, LeaveReason)>);

impl Departures {
    /// Adds one, and keeps the last `most`.
    pub(super) fn push(&mut self, id: ParticipantId, reason: LeaveReason, most: usize) {
        push(&mut self.0, (id, reason), most);
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.0.iter(), |out, (id, reason)| {
            out.participant(*id);
            out.u8(match reason {
                LeaveReason::Kicked => 0,
                LeaveReason::Left => 1,
                LeaveReason::Lost => 2,
                LeaveReason::Replaced => 3,
            });
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidBytes> {
        let departures = from.list(LONGEST, |from| {
            let id = from.participant()?;
            let reason = match from.u8()? {
                0 => LeaveReason::Kicked,
                1 => LeaveReason::Left,
                2 => LeaveReason::Lost,
                3 => LeaveReason::Replaced,
                _ => return Err(InvalidBytes::Damaged),
            };
            Ok((id, reason))
        })?;
        Ok(Self(departures))
    }

    pub(super) fn reason(&self, id: ParticipantId) -> Option<LeaveReason> {
        self.0.iter().find(|(gone, _)| *gone == id).map(|(_, reason)| *reason)
    }
}
