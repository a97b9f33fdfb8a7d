//! How much of its message and byte budget a participant has used up.

use std::time::Duration;

use super::bucket::Bucket;
use crate::config::RateLimit;
use crate::time::Timestamp;

/// How much of its messages and bytes a participant has used up.
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
    /// Close the connection: its participant has been over its budget for too long.
    Close,
    /// Drop the message silently: the sender was told less than a second ago.
    Drop,
    /// Drop the message and tell the sender when it passes.
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

    /// Charges one message of that many bytes, in a room with that many other participants. A
    /// message that is refused is charged nothing.
    pub(super) fn pay(
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
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let for_messages = self.messages.wait(1, burst, limit.messages_per_second, now);
        let for_bytes = self.bytes.wait(bytes, limit.burst_bytes, limit.bytes_per_second, now);
        let wait = for_messages.max(for_bytes);
        if !wait.is_zero() {
            return Err(self.exceeded(wait, limit, now));
        }
        self.messages.add(1);
        self.bytes.add(bytes);
        Ok(())
    }

    fn exceeded(&mut self, retry_after: Duration, limit: &RateLimit, now: Timestamp) -> OverLimit {
        let since_told = self.last_told.map(|at| now.saturating_since(at));
        if since_told.is_some_and(|since| since < TELL_EVERY) {
            return OverLimit::Drop;
        }
        // A sender that was within its budget for a while starts a new series.
        if since_told.is_none_or(|since| since >= SERIES_ENDS_AFTER) {
            self.over_since = now;
        }
        self.last_told = Some(now);
        if now.saturating_since(self.over_since) >= limit.patience {
            return OverLimit::Close;
        }
        OverLimit::Tell { retry_after }
    }

    /// When the budget is full again.
    pub(super) fn full_at(&self, limit: &RateLimit) -> Timestamp {
        let messages = self.messages.empty_at(limit.messages_per_second);
        let bytes = self.bytes.empty_at(limit.bytes_per_second);
        let told = self.last_told.map_or_else(Timestamp::default, |at| at + SERIES_ENDS_AFTER);
        messages.max(bytes).max(told)
    }
}

const TELL_EVERY: Duration = Duration::from_secs(1);
const SERIES_ENDS_AFTER: Duration = Duration::from_secs(2);

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
        let mut pay = |millis| budget.pay(0, 2, &limit(), at(millis)).is_ok();
        assert_eq!(
            [pay(0), pay(0), pay(0), pay(0), pay(0), pay(0)],
            [true, true, true, true, true, false]
        );
        assert_eq!([pay(499), pay(500), pay(500), pay(1000)], [false, true, false, true]);
    }

    #[test]
    fn bytes_are_limited_apart_from_messages() {
        let mut budget = Budget::new(START);
        assert_eq!(budget.pay(100, 0, &limit(), START), Ok(()));
        let retry_after = Duration::from_secs(2);
        assert_eq!(budget.pay(20, 0, &limit(), START), Err(OverLimit::Tell { retry_after }));
        assert_eq!(budget.pay(20, 0, &limit(), at(2000)), Ok(()));
    }

    #[test]
    fn whoever_goes_on_is_told_once_a_second_and_closed_in_the_end() {
        let mut budget = Budget::new(START);
        let told: Vec<_> = (0..60)
            .map(|n| at(n * 100))
            .map(|now| (now, budget.pay(1000, 0, &limit(), now).unwrap_err()))
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
            let over = budget.pay(1000, 0, &limit(), at(millis));
            assert!(matches!(over, Err(OverLimit::Tell { .. })), "{millis}: {over:?}");
        }
    }
}
