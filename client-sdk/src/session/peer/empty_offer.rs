//! Offers without media sections, which a page makes that neither sends nor requests anything.

use std::collections::VecDeque;
use std::time::Instant;

use super::Peer;
use crate::session::{Action, description};

impl Peer {
    /// Answers an offer that cannot lead to a connection, and offers one.
    pub(super) fn answer_empty_offer(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        // Later descriptions of a connection never have fewer sections, so this one is of another
        // connection.
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
