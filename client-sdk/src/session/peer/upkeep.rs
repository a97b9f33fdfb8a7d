//! Recovers failed connections and stuck negotiations.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Negotiation, Peer};
use crate::session::Action;
use crate::session::event::{ConnectionFailure, ConnectionState, NoRelay, SessionEvent};
use crate::session::recovery::RecoveryAction;

impl Peer {
    /// Handles a new state. `begins` tells whether this side takes the first step if the connection
    /// has failed.
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
                self.diagnosis.failed();
                let measure = self.recovery.failed(begins, now);
                return self.take(measure, actions, now);
            }
            ConnectionState::Connected => {
                self.recovery.connected();
                self.diagnosis.connected();
                self.rerouting.settled();
            }
            // ICE may recover by itself.
            ConnectionState::Connecting | ConnectionState::Disconnected => {}
        }
        actions.push_back(Action::Event(SessionEvent::ConnectionState {
            participant: self.id,
            state,
            failure: None,
        }));
        if state == ConnectionState::Connected {
            self.release_further_offers(actions);
        }
    }

    /// Starts waiting for a connection whose descriptions were exchanged.
    pub(in crate::session) fn expect_connection(&mut self, begins: bool, now: Instant) {
        if self.connection.is_some()
            && self.negotiation == Negotiation::Stable
            && self.state == ConnectionState::Connecting
        {
            self.recovery.connecting(begins, now);
        }
    }

    /// Tries a peer again that was given up, since one of the two sides is back at the server.
    pub(in crate::session) fn try_again(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        if self.is_given_up {
            self.recovery.connected();
            self.offer_anew(actions, now);
        }
    }

    /// Handles that ICE has found a path. DTLS has to follow soon.
    pub(in crate::session) fn ice_connected(&mut self, begins: bool, now: Instant) {
        self.diagnosis.ice_connected();
        if !self.is_connected() {
            self.recovery.shaking_hands(begins, now);
        }
    }

    /// Notes that no TURN server allocated a relay.
    pub(in crate::session) fn relay_missing(&mut self, reason: NoRelay) {
        self.diagnosis.relay_missing(reason);
    }

    /// Handles a connection that cannot continue.
    pub(in crate::session) fn broken(
        &mut self,
        failure: ConnectionFailure,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        self.state = ConnectionState::Failed;
        self.diagnosis.failed_for(failure);
        if !self.is_gone {
            let measure = self.recovery.rebuild(now);
            self.take(measure, actions, now);
        }
    }

    /// Handles deadlines that have passed. While the server `is_away`, nothing can be negotiated,
    /// and the deadlines are moved.
    pub(in crate::session) fn timeout(
        &mut self,
        is_away: bool,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        if self.is_gone {
            return;
        }
        self.reopen(actions, now);
        self.reroute(actions, now);
        if self.further_offers.held_until.is_some_and(|until| until <= now) {
            self.release_further_offers(actions);
        }
        if self.recovery.is_overdue(now) && !is_away {
            self.diagnosis.failed();
        }
        let measure = self.recovery.timeout(is_away, now);
        self.take(measure, actions, now);
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
            // The other side no longer negotiates, but media still flows.
            tracing::warn!(peer = %self.id, "an offer is not answered and is rolled back");
            self.take_back(actions);
            (self.restart_wanted, self.unheard) = (false, 0);
        } else {
            self.unheard = 0;
            self.diagnosis.failed_for(ConnectionFailure::Unanswered);
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
        answer
            .into_iter()
            .chain(self.further_offers.held_until)
            .chain(self.recovery.deadline())
            .chain(self.reopening.deadline())
            .chain(self.rerouting_deadline())
            .min()
    }

    fn take(&mut self, measure: RecoveryAction, actions: &mut VecDeque<Action>, now: Instant) {
        match measure {
            RecoveryAction::GiveUp => self.give_up(actions),
            RecoveryAction::Rebuild => self.rebuild(actions, now),
            RecoveryAction::RestartIce => self.restart_ice(actions),
            RecoveryAction::Wait => {}
        }
    }

    fn give_up(&mut self, actions: &mut VecDeque<Action>) {
        self.close(actions);
        self.is_given_up = true;
        let state = ConnectionState::Failed;
        actions.push_back(Action::Event(SessionEvent::ConnectionState {
            participant: self.id,
            state,
            failure: self.diagnosis.failure(),
        }));
    }

    pub(super) fn rebuild(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        let negotiation = std::mem::replace(&mut self.negotiation, Negotiation::Stable);
        self.close(actions);
        match negotiation {
            // The other side waits for an answer, and until it comes, the server refuses offers of
            // this side.
            Negotiation::Answering { sdp, tracks } => self.answer(sdp, tracks, actions, now),
            Negotiation::Offered { .. } | Negotiation::Offering { .. } | Negotiation::Stable => {
                self.offer_anew(actions, now);
            }
        }
    }
}

/// Longer than the 15 s for which the server refuses offers in the other direction.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
/// After this many unanswered offers in a row, the other side counts as not answering.
const MAX_UNHEARD: u8 = 3;
