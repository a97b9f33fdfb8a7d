//! How seats ended, so that every node can tell the others.

use std::collections::VecDeque;

use super::LeaveReason;
use crate::ids::ParticipantId;

/// The last departures from a room. A node that misses more of them at once takes the others for lost.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Departures(VecDeque<(ParticipantId, LeaveReason)>);

impl Departures {
    pub(super) fn push(&mut self, id: ParticipantId, reason: LeaveReason) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((id, reason));
    }

    pub(super) fn reason(&self, id: ParticipantId) -> Option<LeaveReason> {
        self.0.iter().find(|(gone, _)| *gone == id).map(|(_, reason)| *reason)
    }
}

/// More than a room has seats.
const MOST: usize = 64;
