//! Counts the requests of each client address and each user.

use std::sync::Arc;
use std::time::Duration;

use super::counters::LimitCounters;
use super::fixed_window::{FixedWindow, RateLimited};
use super::{Limit, Limits};
use crate::client_address::ClientAddress;

/// The rate limits of requests. Refusals appear in the metrics and the log with their limit.
///
/// Nothing is counted per address if the embedding application does not tell the addresses of its
/// clients. A room's own limit on wrong passwords applies regardless.
#[derive(Debug)]
pub(crate) struct Rates {
    joins: FixedWindow<ClientAddress>,
    ice_requests: FixedWindow<ClientAddress>,
    creates: FixedWindow<String>,
    changes: FixedWindow<String>,
    counters: Arc<LimitCounters>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits, counters: Arc<LimitCounters>) -> Self {
        Self {
            joins: FixedWindow::new(limits.joins_per_minute, MINUTE),
            ice_requests: FixedWindow::new(limits.joins_per_minute, MINUTE),
            creates: FixedWindow::new(limits.creates_per_minute, MINUTE),
            changes: FixedWindow::new(limits.changes_per_minute, MINUTE),
            counters,
        }
    }

    /// Counts a successful join.
    pub(crate) fn count_join(&self, client: Option<ClientAddress>) -> Result<(), RateLimited> {
        let Some(address) = client else { return Ok(()) };
        self.reported(self.joins.take(address), Limit::JoinsPerMinute)
    }

    /// Counts a request for ICE servers with a valid token. These requests have a limit of their
    /// own, separate from joins.
    pub(crate) fn count_ice_request(
        &self,
        client: Option<ClientAddress>,
    ) -> Result<(), RateLimited> {
        let Some(address) = client else { return Ok(()) };
        self.reported(self.ice_requests.take(address), Limit::JoinsPerMinute)
    }

    /// Counts a room that a user creates.
    pub(crate) fn count_create(&self, user: &str) -> Result<(), RateLimited> {
        self.reported(self.creates.take(user.to_owned()), Limit::CreatesPerMinute)
    }

    /// Counts a change that a user makes to one of its rooms.
    pub(crate) fn count_change(&self, user: &str) -> Result<(), RateLimited> {
        self.reported(self.changes.take(user.to_owned()), Limit::ChangesPerMinute)
    }

    fn reported(&self, taken: Result<(), RateLimited>, limit: Limit) -> Result<(), RateLimited> {
        taken.inspect_err(|_| self.counters.count(limit))
    }
}

const MINUTE: Duration = Duration::from_secs(60);
