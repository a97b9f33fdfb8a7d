//! What a ticket has used up of its limits, over all its sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bucket::Bucket;
use super::budget::Budget;
use crate::config::{HubConfig, OpeningLimit};
use crate::ids::Ticket;
use crate::time::Timestamp;

/// What one ticket has used up.
///
/// A member carries the account of its ticket; [`Accounts`] keeps it while the ticket has no
/// member.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) budget: Budget,
    bad_messages: BadMessages,
    openings: Bucket,
}

/// The bad messages of about the last minute.
#[derive(Debug)]
struct BadMessages {
    since: Timestamp,
    count: u32,
}

/// The accounts of a room whose tickets have no member. Each is forgotten when it is full again,
/// after about a minute, so the number of tickets that enter in that time bounds them.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<Ticket, Account>);

impl Account {
    fn new(now: Timestamp) -> Self {
        Self {
            budget: Budget::new(now),
            bad_messages: BadMessages { since: now, count: 0 },
            openings: Bucket::new(now),
        }
    }

    /// Counts a bad message; `true` if it is one too many.
    pub(super) fn count_bad_message(&mut self, most: u32, now: Timestamp) -> bool {
        if now.saturating_since(self.bad_messages.since) >= MINUTE {
            self.bad_messages = BadMessages { since: now, count: 0 };
        }
        self.bad_messages.count += 1;
        self.bad_messages.count > most
    }

    /// Counts a socket that is about to be opened, or returns how long it has to wait. A socket
    /// that is refused does not count.
    pub(super) fn open(&mut self, limit: &OpeningLimit, now: Timestamp) -> Result<(), Duration> {
        let every = millis(limit.every);
        let burst = limit.burst.saturating_mul(every);
        let wait = self.openings.wait(every, burst, OPENING_RATE, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.openings.add(every);
        Ok(())
    }

    /// Counts a socket that was opened already.
    pub(super) fn opened(&mut self, limit: &OpeningLimit) {
        self.openings.add(millis(limit.every));
    }

    /// When nothing is left of what was used up.
    fn full_at(&self, config: &HubConfig) -> Timestamp {
        let is_clean = self.bad_messages.count == 0;
        let forgiven_at =
            if is_clean { Timestamp::default() } else { self.bad_messages.since + MINUTE };
        let openings = self.openings.empty_at(OPENING_RATE);
        self.budget.full_at(&config.rate).max(forgiven_at).max(openings)
    }
}

impl Accounts {
    /// The account of a ticket, which is full if nothing is known.
    pub(super) fn account(
        &mut self,
        ticket: Ticket,
        config: &HubConfig,
        now: Timestamp,
    ) -> &mut Account {
        self.forget_full(config, now);
        self.0.entry(ticket).or_insert_with(|| Account::new(now))
    }

    /// Takes out the account of a ticket, for its member.
    pub(super) fn take(&mut self, ticket: Ticket, now: Timestamp) -> Account {
        self.0.remove(&ticket).unwrap_or_else(|| Account::new(now))
    }

    /// Keeps the account of a ticket whose member is gone.
    pub(super) fn put_back(&mut self, ticket: Ticket, account: Account) {
        self.0.insert(ticket, account);
    }

    /// Forgets every account that is full again.
    pub(super) fn forget_full(&mut self, config: &HubConfig, now: Timestamp) {
        self.0.retain(|_, account| account.full_at(config) > now);
    }

    /// When all of them are full again; `None` if there are none.
    pub(super) fn full_at(&self, config: &HubConfig) -> Option<Timestamp> {
        self.0.values().map(|account| account.full_at(config)).max()
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

const MINUTE: Duration = Duration::from_secs(60);
/// A socket costs as many units as the interval has milliseconds, and a second restores 1000 units.
const OPENING_RATE: u32 = 1000;
