//! Rules of the ids that a room issues, which hold over any loss of memory.

use std::collections::BTreeSet;

use signal_core::ParticipantId;
use signal_core::room::{Op, Receipt, Reject, Room};

/// Every id that a room has issued so far, and every one that somebody has entered with.
pub struct IdRules {
    issued: BTreeSet<ParticipantId>,
    entered: BTreeSet<ParticipantId>,
}

impl IdRules {
    pub fn new(room: &Room) -> Self {
        Self { issued: BTreeSet::from([room.creator_id()]), entered: BTreeSet::new() }
    }

    pub fn check(&mut self, before: &Room, op: &Op, reply: &Result<Receipt, Reject>) {
        let Ok(Receipt::Entered { id }) = *reply else { return };
        match op {
            Op::Admit { .. } => self.issue(id),
            Op::Attach { attachment, .. } => {
                let is_repeated = before.departure(id).is_some()
                    || before.seats().iter().any(|seat| seat.attachment == *attachment);
                if is_repeated {
                    return;
                }
                if !self.issued.contains(&id) {
                    self.issue(id);
                }
                assert!(self.entered.insert(id), "{id} has entered twice");
            }
            _ => {}
        }
    }

    fn issue(&mut self, id: ParticipantId) {
        let lowest = self.issued.first();
        assert!(lowest.is_none_or(|lowest| id < *lowest), "{id} was issued after {lowest:?}");
        self.issued.insert(id);
    }
}
