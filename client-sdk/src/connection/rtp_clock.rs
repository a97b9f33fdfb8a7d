//! RTP time (RFC 3550 section 5.1), derived from the clock of the machine.

use tokio::time::Instant;

/// The clock of one stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct RtpClock {
    rate: u32,
    start: Instant,
    /// The timestamp at the start.
    first: u32,
}

impl RtpClock {
    pub(super) fn new(rate: u32, start: Instant) -> Self {
        Self { rate, start, first: rand::random() }
    }

    /// The time since the start in units of the clock. It does not wrap, so that a frame after
    /// hours of silence is not taken for an earlier one.
    pub(super) fn ticks(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        let ticks = (nanos * u128::from(self.rate) + NANOS_PER_SECOND / 2) / NANOS_PER_SECOND;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// The timestamp so many ticks after the start.
    pub(super) fn timestamp(&self, ticks: u64) -> u32 {
        self.first.wrapping_add(ticks as u32)
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
