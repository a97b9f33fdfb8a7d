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

    /// Converts a timestamp of the core to what the system's clock shows then, for those who go by
    /// the time of day. The two differ if the system's clock was set, or stood still, since the
    /// start.
    pub(crate) fn wall_time(self, at: Timestamp) -> SystemTime {
        let millis = at.as_millis().saturating_add_signed(self.wall_ahead());
        system_time(Timestamp::from_millis(millis))
    }

    /// The inverse of [`wall_time`](Self::wall_time).
    pub(crate) fn core_time(self, at: SystemTime) -> Timestamp {
        let millis = to_timestamp(at).as_millis().saturating_sub_signed(self.wall_ahead());
        Timestamp::from_millis(millis)
    }

    /// By how many milliseconds the system's clock is ahead of this one, in whole seconds, so that
    /// what was not set stays exact.
    fn wall_ahead(self) -> i64 {
        let wall = to_timestamp(SystemTime::now()).as_millis();
        let ahead = i128::from(wall) - i128::from(self.now().as_millis());
        i64::try_from((ahead + 500).div_euclid(1000) * 1000).unwrap_or_default()
    }
}
