//! The clock of a sender, by its RTCP sender reports (RFC 3550 section 6.4.1).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Converts a stream's timestamps to the time of its sender; shared by the receiver of reports and
/// the reader of the stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct SenderClock(Arc<Mutex<Option<Report>>>);

/// A moment in both times.
#[derive(Clone, Copy, Debug)]
struct Report {
    time: SystemTime,
    timestamp: u32,
}

impl SenderClock {
    /// Keeps the newest report: the time of its sender in NTP format, and the timestamp at that
    /// moment.
    pub(crate) fn note(&self, ntp_time: u64, timestamp: u32) {
        let seconds = (ntp_time >> 32).checked_sub(NTP_TO_UNIX).map(Duration::from_secs);
        let fraction = Duration::from_nanos(((ntp_time & 0xffff_ffff) * 1_000_000_000) >> 32);
        // Senders without a clock leave it at zero.
        let Some(since_1970) = seconds.map(|seconds| seconds + fraction) else { return };
        let report = Report { time: SystemTime::UNIX_EPOCH + since_1970, timestamp };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// Whether somebody else holds this clock too.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// The time of the sender at that timestamp; `None` before the first report.
    pub(crate) fn at(&self, timestamp: u32, clock_rate: u32) -> Option<SystemTime> {
        let report = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let ticks = timestamp.wrapping_sub(report.timestamp) as i32;
        let distance = Duration::from_secs(ticks.unsigned_abs().into()) / clock_rate;
        if ticks < 0 {
            report.time.checked_sub(distance)
        } else {
            report.time.checked_add(distance)
        }
    }
}

/// Seconds from the beginning of 1900, where NTP begins to count, to that of 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_are_told_as_times_once_there_is_a_report() {
        let clock = SenderClock::default();
        assert_eq!(clock.at(7, 48_000), None);
        clock.note(0, 7);
        assert_eq!(clock.at(7, 48_000), None, "a sender without a clock");
        clock.note((NTP_TO_UNIX + 1_000) << 32 | 1 << 31, u32::MAX);
        let after = |millis| Some(SystemTime::UNIX_EPOCH + Duration::from_millis(millis));
        assert_eq!(clock.at(u32::MAX, 48_000), after(1_000_500));
        assert_eq!(clock.at(47_999, 48_000), after(1_001_500), "time stamps wrap");
        assert_eq!(clock.at(u32::MAX - 48_000, 48_000), after(999_500));
    }
}
