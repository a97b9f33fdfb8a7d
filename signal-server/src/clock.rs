//! The clock that drives the core, and conversions of its timestamps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signal_core::Timestamp;
use tokio::time::Instant;

/// The wall-clock time at the start plus the monotonic time since. It never runs backwards within a
/// process.
///
/// The monotonic time is tokio's, so that tests can advance it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: Timestamp,
}

/// Converts a timestamp of the core to the system's type.
pub(crate) fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.as_millis())
}

/// Converts a time of the system to a timestamp of the core.
pub(crate) fn to_timestamp(at: SystemTime) -> Timestamp {
    Timestamp::from_millis(0) + at.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Returns the seconds since 1970 by the system's clock, which tokens use.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_at: Timestamp::from_millis(0) + since_epoch }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.started_at + self.started.elapsed()
    }
}
