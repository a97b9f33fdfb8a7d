//! The end of the room, and the warning before it.

use std::time::{Duration, Instant};

use signal_core::Timestamp;

use super::server_clock::ServerClock;

/// The end of the room, before which the application gets a warning.
#[derive(Debug)]
pub(super) struct RoomEnd {
    /// How long before the end; zero for no warning.
    pub(super) notice: Duration,
    ends_at: Option<Timestamp>,
    warn_at: Option<Instant>,
}

impl Default for RoomEnd {
    fn default() -> Self {
        Self { notice: NOTICE, ends_at: None, warn_at: None }
    }
}

impl RoomEnd {
    /// Notes the current end of the room. There is one warning for each end.
    pub(super) fn learn(&mut self, ends_at: Timestamp, clock: ServerClock, now: Instant) {
        if self.ends_at.replace(ends_at) == Some(ends_at) || self.notice.is_zero() {
            return;
        }
        let left = clock.until(ends_at, now);
        self.warn_at = left.map(|left| now + left.saturating_sub(self.notice));
    }

    /// The time until the end, if the warning is due.
    pub(super) fn take_warning(&mut self, clock: ServerClock, now: Instant) -> Option<Duration> {
        self.warn_at.take_if(|at| *at <= now)?;
        clock.until(self.ends_at?, now)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.warn_at
    }
}

/// The default: time to say goodbye, or to ask the creator for more.
const NOTICE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_told_once_and_a_later_one_again() {
        let (now, mut clock) = (Instant::now(), ServerClock::default());
        let at = |seconds: u64| Timestamp::from_millis(1_000_000 + seconds * 1000);
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut end = RoomEnd::default();
        clock.set(at(0), now);
        end.learn(at(600), clock, now);
        assert_eq!(end.deadline(), Some(after(540)));
        assert_eq!(end.take_warning(clock, after(539)), None);
        assert_eq!(end.take_warning(clock, after(541)), Some(Duration::from_secs(59)));
        end.learn(at(600), clock, after(550));
        assert_eq!(end.deadline(), None);
        end.learn(at(900), clock, after(560));
        assert_eq!(end.deadline(), Some(after(840)));
        // Of an end that comes nearer, at once.
        end.learn(at(590), clock, after(561));
        assert_eq!(end.take_warning(clock, after(561)), Some(Duration::from_secs(29)));
    }

    #[test]
    fn without_a_clock_or_a_notice_there_is_no_warning() {
        let now = Instant::now();
        let mut end = RoomEnd::default();
        end.learn(Timestamp::from_millis(5), ServerClock::default(), now);
        assert_eq!(end.deadline(), None);
        let mut clock = ServerClock::default();
        clock.set(Timestamp::from_millis(0), now);
        let mut end = RoomEnd { notice: Duration::ZERO, ..RoomEnd::default() };
        end.learn(Timestamp::from_millis(5), clock, now);
        assert_eq!(end.deadline(), None);
    }
}
