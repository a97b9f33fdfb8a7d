//! The clock the core is driven by, and its times as the standard library has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signal_core::Timestamp;
use tokio::time::Instant;

/// The wall clock at its start plus the monotonic time since: never runs backwards within a process.
///
/// The monotonic time is tokio's, so that a test which moves tokio's time forward ends rooms and seats with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: Timestamp,
}

/// A moment of the core's.
pub(crate) fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.as_millis())
}

/// A moment of the system's, as the core has it.
pub(crate) fn to_timestamp(at: SystemTime) -> Timestamp {
    Timestamp::from_millis(0) + at.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The seconds since 1970 by the system's clock, as tokens have them.
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
