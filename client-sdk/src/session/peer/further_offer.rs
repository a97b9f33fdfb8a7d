//! Offers after the first ones of a connection. Some peers lose changes that are negotiated while a
//! connection is being established, so these offers wait for it, for a limited time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Peer;
use crate::session::Action;

/// The time until which further offers wait; `None` if they are made at once.
#[derive(Debug, Default)]
pub(super) struct FurtherOffers {
    pub(super) held_until: Option<Instant>,
}

impl Peer {
    /// Delays further offers if the exchanged descriptions establish a connection.
    pub(super) fn hold_further_offers(&mut self, now: Instant) {
        if !self.is_connected() {
            self.further_offers.held_until = Some(now + PATIENCE);
        }
    }

    /// Makes the delayed offer, if there is one.
    pub(super) fn release_further_offers(&mut self, actions: &mut VecDeque<Action>) {
        let was_held = self.further_offers.held_until.take().is_some();
        if was_held && self.offer_wanted {
            self.offer(actions);
        }
    }

    /// Whether an offer has to wait. ICE restarts do not, since they establish the connection.
    pub(super) fn holds_offer(&self) -> bool {
        self.further_offers.held_until.is_some() && !self.restart_wanted
    }
}

/// A connection is established sooner, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(5);
