//! A leaky bucket.

use std::time::Duration;

use crate::time::Timestamp;

/// A leaky bucket: its level rises with what is used and falls at a steady rate.
#[derive(Debug)]
pub(super) struct Bucket {
    /// In thousandths, so that the share of a millisecond in the rate is a whole number.
    level: u64,
    at: Timestamp,
}

impl Bucket {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { level: 0, at: now }
    }

    /// How long it takes until the amount fits; nothing if it fits now.
    pub(super) fn wait(
        &mut self,
        amount: u32,
        capacity: u32,
        per_second: u32,
        now: Timestamp,
    ) -> Duration {
        let elapsed = u64::try_from(now.saturating_since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.level = self.level.saturating_sub(elapsed.saturating_mul(u64::from(per_second)));
        self.at = self.at.max(now);
        let level = self.level + 1000 * u64::from(amount);
        let over = level.saturating_sub(1000 * u64::from(capacity));
        Duration::from_millis(over.div_ceil(u64::from(per_second.max(1))))
    }

    pub(super) fn add(&mut self, amount: u32) {
        self.level += 1000 * u64::from(amount);
    }

    /// When the level reaches zero.
    pub(super) fn empty_at(&self, per_second: u32) -> Timestamp {
        let millis = self.level.div_ceil(u64::from(per_second.max(1)));
        self.at + Duration::from_millis(millis)
    }
}
