//! Limits how often the other side can make this side open a new connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Peer;
use crate::session::Action;
use crate::session::track_source::TrackLabel;

/// When the next connection may be opened, and why.
#[derive(Debug, Default)]
pub(super) struct Reopening {
    next: Option<Instant>,
    /// There is no connection while something is postponed.
    postponed: Option<Postponed>,
}

#[derive(Debug)]
enum Postponed {
    /// Answer the last offer of the other side.
    Answer { sdp: String, tracks: Vec<TrackLabel> },
    /// Make an offer.
    Offer,
}

impl Reopening {
    pub(super) fn is_postponed(&self) -> bool {
        self.postponed.is_some()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next.filter(|_| self.is_postponed())
    }
}

impl Peer {
    /// Offers over the current connection, or over a new one as soon as one may be opened.
    pub(super) fn offer_anew(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        if self.connection.is_some() || self.reopening.is_postponed() || self.may_open(now) {
            self.offer(actions);
        } else {
            self.reopening.postponed = Some(Postponed::Offer);
        }
    }

    /// Postpones the answer to an offer until a connection may be opened. It replaces an earlier
    /// postponed answer.
    pub(super) fn postpone_answer(&mut self, sdp: String, tracks: Vec<TrackLabel>) {
        self.reopening.postponed = Some(Postponed::Answer { sdp, tracks });
    }

    /// Forgets a postponed offer or answer.
    pub(super) fn forget_postponed(&mut self) {
        self.reopening.postponed = None;
    }

    /// Whether a connection may be opened now; if so, the next one has to wait. The first one may
    /// always be opened.
    pub(super) fn may_open(&mut self, now: Instant) -> bool {
        if self.connections_opened == 0 {
            return true;
        }
        if self.reopening.next.is_some_and(|next| now < next) {
            return false;
        }
        self.reopening.next = Some(now + PAUSE);
        true
    }

    /// Makes the postponed offer or answer once it is time.
    pub(super) fn reopen(&mut self, actions: &mut VecDeque<Action>, now: Instant) {
        if self.reopening.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.reopening.postponed.take() {
            Some(Postponed::Answer { sdp, tracks }) => self.answer(sdp, tracks, actions, now),
            Some(Postponed::Offer) => self.offer_anew(actions, now),
            None => {}
        }
    }
}

/// A connection costs sockets, a handshake and perhaps an allocation of a TURN server.
const PAUSE: Duration = Duration::from_secs(2);
