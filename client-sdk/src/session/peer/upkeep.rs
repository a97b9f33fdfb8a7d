//! What keeps a connection going, and an exchange of descriptions from getting stuck.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Negotiation, Peer};
use crate::event::{ConnectionState, Event};
use crate::session::Action;
use crate::session::recovery::Measure;

impl Peer {
    /// `begins` says whether it is up to this side to do something about a connection that has failed.
    pub(in crate::session) fn state_changed(
        &mut self,
        state: ConnectionState,
        begins: bool,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        self.state = state;
        if self.is_gone {
            return;
        }
        match state {
            ConnectionState::Failed => {
                let measure = self.recovery.failed(begins, now);
                return self.take(measure, actions);
            }
            ConnectionState::Connected => self.recovery.connected(),
            // ICE may get through again by itself.
            ConnectionState::Connecting | ConnectionState::Disconnected => {}
        }
        actions.push_back(Action::Event(Event::ConnectionState { participant: self.id, state }));
    }

    /// Sees to it that a connection whose descriptions were exchanged gets through.
    pub(in crate::session) fn expect_connection(&mut self, begins: bool, now: Instant) {
        if self.connection.is_some()
            && self.negotiation == Negotiation::Stable
            && self.state == ConnectionState::Connecting
        {
            self.recovery.connecting(begins, now);
        }
    }

    /// One of the two was out of reach for a while and is not any more: what was given up is tried once more.
    pub(in crate::session) fn try_again(&mut self, actions: &mut VecDeque<Action>) {
        if self.is_given_up {
            self.recovery.connected();
            self.offer(actions);
        }
    }

    /// ICE has found a path, which the rest has to follow soon.
    pub(in crate::session) fn ice_connected(&mut self, begins: bool, now: Instant) {
        if !self.is_connected() {
            self.recovery.shaking_hands(begins, now);
        }
    }

    /// The connection could not do what it was told.
    pub(in crate::session) fn broken(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        self.state = ConnectionState::Failed;
        if !self.is_gone {
            let measure = self.recovery.rebuild(now);
            self.take(measure, actions);
        }
    }

    /// Looks at what should have happened by now; not while the signaling connection `is_away`, without which it cannot.
    pub(in crate::session) fn timeout(
        &mut self,
        is_away: bool,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        if self.is_gone {
            return;
        }
        let measure = self.recovery.timeout(is_away, now);
        self.take(measure, actions);
        let Negotiation::Offered { due, .. } = &mut self.negotiation else { return };
        if now < *due {
            return;
        }
        if is_away {
            *due = now + ANSWER_PATIENCE;
            return;
        }
        self.unheard += 1;
        if self.unheard < MAX_UNHEARD {
            self.take_back(actions);
            self.offer(actions);
        } else if self.is_connected() {
            // It does not negotiate any more, but media flows as it did.
            tracing::warn!(peer = %self.id, "a change is not answered and is taken back");
            self.take_back(actions);
            (self.restart_wanted, self.unheard) = (false, 0);
        } else {
            self.unheard = 0;
            self.give_up(actions);
        }
    }

    pub(in crate::session) fn deadline(&self) -> Option<Instant> {
        if self.is_gone {
            return None;
        }
        let answer = match self.negotiation {
            Negotiation::Offered { due, .. } => Some(due),
            Negotiation::Answering { .. } | Negotiation::Offering { .. } | Negotiation::Stable => {
                None
            }
        };
        answer.into_iter().chain(self.recovery.deadline()).min()
    }

    fn take(&mut self, measure: Measure, actions: &mut VecDeque<Action>) {
        match measure {
            Measure::GiveUp => self.give_up(actions),
            Measure::Rebuild => self.rebuild(actions),
            Measure::RestartIce => self.restart_ice(actions),
            Measure::Wait => {}
        }
    }

    fn give_up(&mut self, actions: &mut VecDeque<Action>) {
        self.close(actions);
        self.is_given_up = true;
        let state = ConnectionState::Failed;
        actions.push_back(Action::Event(Event::ConnectionState { participant: self.id, state }));
    }

    pub(super) fn rebuild(&mut self, actions: &mut VecDeque<Action>) {
        let negotiation = std::mem::replace(&mut self.negotiation, Negotiation::Stable);
        self.close(actions);
        match negotiation {
            // The other side waits for an answer, and the server refuses an offer until it has got one.
            Negotiation::Answering { sdp, tracks } => self.answer(sdp, tracks, actions),
            Negotiation::Offered { .. } | Negotiation::Offering { .. } | Negotiation::Stable => {
                self.offer(actions);
            }
        }
    }
}

/// Longer than the 15 s for which a server refuses the other side's offer.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
/// This many offers in a row go unanswered until the other side is taken for one that does not answer.
const MAX_UNHEARD: u8 = 3;
