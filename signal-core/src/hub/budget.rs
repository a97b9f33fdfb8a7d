//! The message and byte budget of a connection.

use std::time::Duration;

use crate::config::RateLimit;
use crate::time::Timestamp;

/// How much of its messages and bytes a connection has used up.
#[derive(Debug)]
pub(super) struct Budget {
    messages: Bucket,
    bytes: Bucket,
    /// When the last `rate_limited` was sent, and when the series of them began.
    last_told: Option<Timestamp>,
    over_since: Timestamp,
}

/// What to do about a message that is over the budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OverLimit {
    /// Close the connection, which has been over its budget for too long.
    Close,
    /// Drop the message silently: the sender was told less than a second ago.
    Drop,
    /// Drop the message and tell the sender when it may go on.
    Tell {
        /// After this time.
        retry_after: Duration,
    },
}

impl Budget {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            messages: Bucket::new(now),
            bytes: Bucket::new(now),
            last_told: None,
            over_since: now,
        }
    }

    /// Charges one message of that many bytes, in a room with that many other participants.
    pub(super) fn pay_message(
        &mut self,
        bytes: usize,
        peers: usize,
        limit: &RateLimit,
        now: Timestamp,
    ) -> Result<(), OverLimit> {
        let peers = u32::try_from(peers).unwrap_or(u32::MAX);
        let burst = limit
            .burst_messages
            .saturating_add(limit.burst_messages_per_peer.saturating_mul(peers));
        let paid = self.messages.take(1, burst, limit.messages_per_second, now);
        match paid {
            Ok(()) => self.pay_bytes(bytes, limit, now),
            Err(retry_after) => Err(self.exceeded(retry_after, limit, now)),
        }
    }

    /// Charges bytes alone, for a message that goes to more than one receiver.
    pub(super) fn pay_bytes(
        &mut self,
        bytes: usize,
        limit: &RateLimit,
        now: Timestamp,
    ) -> Result<(), OverLimit> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes
            .take(bytes, limit.burst_bytes, limit.bytes_per_second, now)
            .map_err(|retry_after| self.exceeded(retry_after, limit, now))
    }

    fn exceeded(&mut self, retry_after: Duration, limit: &RateLimit, now: Timestamp) -> OverLimit {
        let since_told = self.last_told.map(|at| now.saturating_since(at));
        if since_told.is_some_and(|since| since < TELL_EVERY) {
            return OverLimit::Drop;
        }
        // A sender that was within its budget for a while starts a new series.
        if since_told.is_none_or(|since| since >= 2 * TELL_EVERY) {
            self.over_since = now;
        }
        self.last_told = Some(now);
        if now.saturating_since(self.over_since) >= limit.patience {
            return OverLimit::Close;
        }
        OverLimit::Tell { retry_after }
    }
}

/// A leaky bucket: its level falls at a steady rate.
#[derive(Debug)]
struct Bucket {
    /// In thousandths, so that the share of a millisecond in the rate is a whole number.
    level: u64,
    at: Timestamp,
}

impl Bucket {
    fn new(now: Timestamp) -> Self {
        Self { level: 0, at: now }
    }

    /// Adds an amount, or returns how long it takes until the amount fits.
    fn take(
        &mut self,
        amount: u32,
        capacity: u32,
        per_second: u32,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let elapsed = u64::try_from(now.saturating_since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.level = self.level.saturating_sub(elapsed.saturating_mul(u64::from(per_second)));
        self.at = now;
        let level = self.level + 1000 * u64::from(amount);
        let over = level.saturating_sub(1000 * u64::from(capacity));
        if over == 0 {
            self.level = level;
            return Ok(());
        }
        Err(Duration::from_millis(over.div_ceil(u64::from(per_second.max(1)))))
    }
}

const TELL_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn limit() -> RateLimit {
        RateLimit {
            burst_messages: 3,
            burst_messages_per_peer: 1,
            messages_per_second: 2,
            burst_bytes: 100,
            bytes_per_second: 10,
            patience: Duration::from_secs(5),
        }
    }

    fn at(millis: u64) -> Timestamp {
        START + Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_and_then_the_steady_rate() {
        let mut budget = Budget::new(START);
        let mut pay = |millis| budget.pay_message(0, 2, &limit(), at(millis)).is_ok();
        assert_eq!(
            [pay(0), pay(0), pay(0), pay(0), pay(0), pay(0)],
            [true, true, true, true, true, false]
        );
        assert_eq!([pay(499), pay(500), pay(500), pay(1000)], [false, true, false, true]);
    }

    #[test]
    fn bytes_are_limited_apart_from_messages() {
        let mut budget = Budget::new(START);
        assert_eq!(budget.pay_message(100, 0, &limit(), START), Ok(()));
        let retry_after = Duration::from_secs(2);
        assert_eq!(
            budget.pay_message(20, 0, &limit(), START),
            Err(OverLimit::Tell { retry_after })
        );
        assert_eq!(budget.pay_message(20, 0, &limit(), at(2000)), Ok(()));
    }

    #[test]
    fn whoever_goes_on_is_told_once_a_second_and_closed_in_the_end() {
        let mut budget = Budget::new(START);
        let told: Vec<_> = (0..60)
            .map(|n| at(n * 100))
            .map(|now| (now, budget.pay_bytes(1000, &limit(), now).unwrap_err()))
            .filter(|(_, over)| *over != OverLimit::Drop)
            .collect();
        let times: Vec<u64> =
            told.iter().map(|(now, _)| now.as_millis() - START.as_millis()).collect();
        assert_eq!(times, [0, 1000, 2000, 3000, 4000, 5000]);
        assert!(told[..5].iter().all(|(_, over)| matches!(over, OverLimit::Tell { .. })));
        assert_eq!(told[5].1, OverLimit::Close);
    }

    #[test]
    fn a_pause_within_the_limit_begins_anew() {
        let mut budget = Budget::new(START);
        for millis in [0, 1000, 2000, 3000, 4000, 6000] {
            let over = budget.pay_bytes(1000, &limit(), at(millis));
            assert!(matches!(over, Err(OverLimit::Tell { .. })), "{millis}: {over:?}");
        }
    }
}
