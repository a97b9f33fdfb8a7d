//! Restarts ICE after a change of this machine's network, but not too often.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Peer;
use crate::session::Action;

/// Whether ICE is to be restarted, and the earliest time.
#[derive(Debug, Default)]
pub(super) struct Rerouting {
    is_wanted: bool,
    next: Option<Instant>,
}

impl Rerouting {
    /// Notes that there is a path again, or a new connection.
    pub(super) fn settled(&mut self) {
        self.is_wanted = false;
    }

    /// Notes that one side has answered a restart of the other, which has not found a path yet.
    pub(super) fn answered(&mut self, now: Instant) {
        self.next = Some(now + PAUSE);
    }
}

impl Peer {
    /// Handles that packets to the other side no longer leave this machine.
    pub(in crate::session) fn path_lost(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        self.want_reroute(actions, now);
    }

    /// Handles that this machine has a new address, from which a failed connection may work.
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

    /// When ICE is to be restarted. A restart under way is completed first, since it may still find
    /// a path.
    pub(super) fn rerouting_deadline(&self) -> Option<Instant> {
        let Rerouting { is_wanted, next } = self.rerouting;
        next.filter(|_| is_wanted && !self.is_restarting_ice())
    }

    fn want_reroute(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        self.rerouting.is_wanted = true;
        // A restart that is under way, and gives way to an offer of the other side, leaves no time.
        self.rerouting.next.get_or_insert(now);
        self.reroute(actions, now);
    }

    /// Restarts ICE if it is wanted and due.
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

/// Networks often change several times in a row, and a restart costs both sides new sockets.
const PAUSE: Duration = Duration::from_secs(2);
