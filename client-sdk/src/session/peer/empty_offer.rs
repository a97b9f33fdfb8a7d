//! Offers without media sections: those of a page that sends nothing and asks for nothing.

use std::collections::VecDeque;
use std::time::Instant;

use super::Peer;
use crate::session::{Action, description};

impl Peer {
    /// Answers an offer of which no connection can come, and offers one.
    pub(super) fn answer_empty_offer(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        // No later description of a connection has fewer sections, so this one is of another.
        if self.remote.is_some() {
            self.close(actions);
        } else {
            self.take_back(actions);
        }
        self.forget_postponed();
        self.send_answers(description::WITHOUT_SECTIONS, &[], actions);
        self.offer_anew(actions, now);
    }
}
