//! Offers after the first ones of a connection. Some peers lose what is negotiated while a
//! connection is coming up, so these offers wait for it, but not for ever.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Peer;
use crate::session::Action;

/// Until when further offers wait; `None` if they are made at once.
#[derive(Debug, Default)]
pub(super) struct FurtherOffers {
    pub(super) held_until: Option<Instant>,
}

impl Peer {
    /// Holds up further offers if the descriptions that were exchanged have a connection come up.
    pub(super) fn hold_further_offers(&mut self, now: Instant) {
        if !self.is_connected() {
            self.further_offers.held_until = Some(now + PATIENCE);
        }
    }

    /// Makes the offer that was held up, if there is one.
    pub(super) fn release_further_offers(&mut self, actions: &mut VecDeque<Action>) {
        let was_held = self.further_offers.held_until.take().is_some();
        if was_held && self.offer_wanted {
            self.offer(actions);
        }
    }

    /// Whether an offer has to wait. Restarts of ICE do not: they are what brings a connection up.
    pub(super) fn holds_offer(&self) -> bool {
        self.further_offers.held_until.is_some() && !self.restart_wanted
    }
}

/// A connection comes up in less, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);
