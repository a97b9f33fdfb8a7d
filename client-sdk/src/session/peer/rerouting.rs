//! Restarts ICE since the network of this machine has changed, but not too often.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Peer;
use crate::session::Action;

/// Whether ICE is to be restarted, and when at the earliest.
#[derive(Debug, Default)]
pub(super) struct Rerouting {
    is_wanted: bool,
    next: Option<Instant>,
}

impl Rerouting {
    /// There is a path again, or another connection to find one.
    pub(super) fn settled(&mut self) {
        self.is_wanted = false;
    }

    /// The other side has answered a restart, which has yet to find a path.
    pub(super) fn answered(&mut self, now: Instant) {
        self.next = Some(now + PAUSE);
    }
}

impl Peer {
    /// What was sent to the other side does not leave this machine any more.
    pub(in crate::session) fn path_lost(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        self.want_reroute(actions, now);
    }

    /// This machine has another address: what did not get through may do so from there.
    pub(in crate::session) fn address_gained(
        &mut self,
        actions: &mut VecDeque<Action>,
        now: Instant,
    ) {
        if self.is_given_up {
            self.try_again(actions, now);
        } else if self.connection.is_some() && !self.is_connected() {
            self.want_reroute(actions, now);
        }
    }

    /// When ICE is to be restarted. While a restart is under way this waits for its end: it may
    /// find a path in spite of what has changed since.
    pub(super) fn rerouting_deadline(&self) -> Option<Instant> {
        let Rerouting { is_wanted, next } = self.rerouting;
        next.filter(|_| is_wanted && !self.is_restarting_ice())
    }

    fn want_reroute(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        self.rerouting.is_wanted = true;
        self.reroute(actions, now);
    }

    /// Restarts ICE if that is wanted and it is time.
    pub(super) fn reroute(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        let Rerouting { is_wanted, next } = self.rerouting;
        if !is_wanted || self.is_restarting_ice() || next.is_some_and(|next| now < next) {
            return;
        }
        self.rerouting = Rerouting { is_wanted: false, next: Some(now + PAUSE) };
        if self.connection.is_some() {
            self.restart_ice(actions);
        }
    }
}

/// Networks often change several times in a row. A restart takes both sides new sockets.
const PAUSE: Duration = Duration::from_secs(2);
