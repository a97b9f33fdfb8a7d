//! Times in which nothing new is seen or heard.

use std::time::{Duration, Instant};

/// Freezes as browsers count them (W3C WebRTC statistics, `freezeCount`): a frame comes later than
/// three times the average interval, and later than that interval and 150 ms.
#[derive(Clone, Debug, Default)]
pub(super) struct Freezes {
    pub(super) count: u64,
    pub(super) total: Duration,
    last: Option<Instant>,
    /// The average interval between frames.
    interval: Option<Duration>,
}

impl Freezes {
    /// Takes a frame, and returns whether a freeze ends with it.
    pub(super) fn frame(&mut self, at: Instant) -> bool {
        let Some(last) = self.last.replace(at) else { return false };
        let gap = at.saturating_duration_since(last);
        let Some(interval) = self.interval else {
            self.interval = Some(gap);
            return false;
        };
        if gap > longest(interval) {
            self.count += 1;
            self.total += gap;
            return true;
        }
        self.interval = Some((interval * (SMOOTHING - 1) + gap) / SMOOTHING);
        false
    }

    /// Takes the end, in which a freeze may go on.
    pub(super) fn finish(&mut self, now: Instant) {
        let (Some(last), Some(interval)) = (self.last.take(), self.interval) else { return };
        let gap = now.saturating_duration_since(last);
        if gap > longest(interval) {
            self.count += 1;
            self.total += gap;
        }
    }
}

fn longest(interval: Duration) -> Duration {
    (interval * 3).max(interval + Duration::from_millis(150))
}

/// About as many frames as browsers average.
const SMOOTHING: u32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_that_is_seen_is_a_freeze_and_a_late_frame_is_none() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut freezes = Freezes::default();
        let frames = (0..30).map(|number| number * 33).chain([1100, 1400, 1433, 1466]);
        let ended: Vec<u64> = frames.filter(|millis| freezes.frame(at(*millis))).collect();
        assert_eq!(ended, [1400]);
        freezes.finish(at(1500));
        assert_eq!((freezes.count, freezes.total), (1, Duration::from_millis(300)));
        // It is over once.
        freezes.finish(at(9000));
        assert_eq!(freezes.count, 1);
    }

    #[test]
    fn what_has_stopped_before_the_end_is_frozen_until_then() {
        let begin = Instant::now();
        let mut freezes = Freezes::default();
        for number in 0..10 {
            freezes.frame(begin + Duration::from_millis(20) * number);
        }
        freezes.finish(begin + Duration::from_secs(5));
        assert_eq!((freezes.count, freezes.total), (1, Duration::from_millis(4820)));
    }
}
