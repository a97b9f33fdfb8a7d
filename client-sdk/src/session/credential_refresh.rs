//! When to ask the server for new TURN credentials.

use std::time::{Duration, Instant};

use signal_core::Timestamp;

use super::server_clock::ServerClock;

/// When the credentials expire, and when to ask for new ones.
#[derive(Debug, Default)]
pub(super) struct IceCredentialRefresh {
    expires_at: Option<Timestamp>,
    renew_at: Option<Instant>,
}

impl IceCredentialRefresh {
    /// Notes new credentials. If they expire no later than the previous ones, no further ones are
    /// requested. Without the clock of the server, none are requested at all.
    pub(super) fn granted(&mut self, expires_at: Timestamp, clock: ServerClock, now: Instant) {
        let Some(left) = clock.until(expires_at, now) else { return };
        if self.expires_at.is_some_and(|known| known >= expires_at) {
            self.renew_at = None;
            return;
        }
        let pause = left.saturating_sub((left / 10).min(LONGEST_MARGIN)).max(SHORTEST_PAUSE);
        self.expires_at = Some(expires_at);
        self.renew_at = Some(now + pause);
    }

    /// Whether to ask now. It is due again after a while, since the request may be refused.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.renew_at.is_some_and(|at| at <= now);
        if is_due {
            self.renew_at = Some(now + ASK_AGAIN);
        }
        is_due
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.renew_at
    }
}

const ASK_AGAIN: Duration = Duration::from_secs(30);
const LONGEST_MARGIN: Duration = Duration::from_secs(300);
/// The minimum pause between requests, whatever expiry the server sends.
const SHORTEST_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_asked_for_before_they_expire_and_not_again_if_they_are_the_last() {
        let now = Instant::now();
        let at = |seconds: u64| Timestamp::from_millis(1_000_000 + seconds * 1000);
        let (mut lease, mut clock) = (IceCredentialRefresh::default(), ServerClock::default());
        clock.set(at(0), now);
        for (expires_at, renewed_after) in [(600, 540), (7200, 6900)] {
            lease.granted(at(expires_at), clock, now);
            let due = now + Duration::from_secs(renewed_after);
            assert_eq!(lease.deadline(), Some(due));
            assert!(!lease.is_due(due - Duration::from_millis(1)));
            assert!(lease.is_due(due) && !lease.is_due(due));
        }
        lease.granted(at(7200), clock, now);
        assert_eq!(lease.deadline(), None);
    }

    #[test]
    fn a_server_whose_credentials_are_short_lived_is_not_asked_all_the_time() {
        let now = Instant::now();
        let (mut lease, mut clock) = (IceCredentialRefresh::default(), ServerClock::default());
        clock.set(Timestamp::from_millis(5000), now);
        lease.granted(Timestamp::from_millis(4000), clock, now);
        assert_eq!(lease.deadline(), Some(now + SHORTEST_PAUSE));
    }
}
