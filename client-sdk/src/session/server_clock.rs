//! The clock of the server, which may show another time than that of this machine.

use std::time::{Duration, Instant};

use signal_core::Timestamp;

/// A moment by both clocks; `None` as long as the server has not told the time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerClock(Option<(Timestamp, Instant)>);

impl ServerClock {
    pub(super) fn set(&mut self, there: Timestamp, here: Instant) {
        self.0 = Some((there, here));
    }

    /// How long it takes until then, zero if it is over; `None` if that is not known.
    pub(super) fn until(self, at: Timestamp, now: Instant) -> Option<Duration> {
        let (there, here) = self.0?;
        Some(at.saturating_since(there + now.saturating_duration_since(here)))
    }
}
