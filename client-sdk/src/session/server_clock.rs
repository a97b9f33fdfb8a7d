//! The clock of the server, which may differ from that of this machine.

use std::time::{Duration, Instant};

use signal_core::Timestamp;

/// A moment by both clocks; `None` before the server has sent its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerClock(Option<(Timestamp, Instant)>);

impl ServerClock {
    pub(super) fn set(&mut self, there: Timestamp, here: Instant) {
        self.0 = Some((there, here));
    }

    /// The time until then, zero if it has passed; `None` if it is unknown.
    pub(super) fn until(self, at: Timestamp, now: Instant) -> Option<Duration> {
        let (there, here) = self.0?;
        Some(at.saturating_since(there + now.saturating_duration_since(here)))
    }
}
