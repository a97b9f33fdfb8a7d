//! The time of a source whose frames are sent as they come.

use std::time::Duration;

use tokio::time::Instant;

/// Frames play one after the other, each as long as it says, whenever they come. What they say is
/// seldom exact: a camera of 30.1 pictures a second says that they are thirtieths. So the clock
/// gives way where all frames of a second came too early or too late for it.
pub(super) struct LiveClock {
    /// When the next frame plays.
    next: Instant,
    /// Since when the frames are compared with the clock.
    since: Instant,
    /// By how many nanoseconds the clock was ahead of each of them, at least and at most.
    ahead: (i64, i64),
    /// By how many nanoseconds it is to be set back.
    excess: i64,
}

impl LiveClock {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now, since: now, ahead: NOTHING_SEEN, excess: 0 }
    }

    /// When a frame plays that comes now.
    pub(super) fn place(&mut self, duration: Duration, now: Instant) -> Instant {
        // After a pause of the application it goes on from now.
        if now.saturating_duration_since(self.next) > PAUSE {
            *self = Self::new(now);
        }
        let ahead = nanos(self.next.saturating_duration_since(now))
            - nanos(now.saturating_duration_since(self.next));
        let (least, most) = self.ahead;
        self.ahead = (least.min(ahead), most.max(ahead));
        if now.saturating_duration_since(self.since) >= COMPARED {
            let (least, most) = self.ahead;
            self.excess = least.max(0) + most.min(0);
            (self.since, self.ahead) = (now, NOTHING_SEEN);
        }
        let duration = nanos(duration);
        let correction = self.excess.clamp(-duration / MOST, duration / MOST);
        self.excess -= correction;
        let at = self.next;
        self.next += Duration::from_nanos((duration - correction).unsigned_abs());
        at
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What a live source may be behind its own durations before it has paused.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
const COMPARED: Duration = Duration::from_secs(1);
const NOTHING_SEEN: (i64, i64) = (i64::MAX, i64::MIN);
/// No frame is shortened or prolonged by more than this part of its duration.
const MOST: i64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_keeps_up_with_a_camera_whose_durations_are_not_exact() {
        let begin = Instant::now();
        let said = Duration::from_secs(1) / 30;
        for real in [29.9, 30.0, 30.1, 31.0] {
            let mut clock = LiveClock::new(begin);
            let mut last = begin;
            for n in 1..(3600.0 * real) as u32 {
                // Pictures come up to 9 ms late.
                let late = Duration::from_millis(u64::from(n * 7 % 10));
                let now = begin + Duration::from_secs_f64(f64::from(n) / real) + late;
                let at = clock.place(said, now);
                let apart = at.max(now) - at.min(now);
                assert!(apart < Duration::from_millis(100), "{real}: {apart:?} after {n}");
                let step = at - last;
                assert!(n == 1 || step.abs_diff(said) <= said / 8, "{real}: {step:?}");
                last = at;
            }
        }
    }

    #[test]
    fn what_comes_at_once_plays_one_after_the_other() {
        let begin = Instant::now();
        let mut clock = LiveClock::new(begin);
        let packet = Duration::from_millis(20);
        for sentence in 0..10 {
            let now = begin + Duration::from_millis(1850) * sentence;
            let first = clock.place(packet, now);
            for n in 1..90 {
                assert_eq!(clock.place(packet, now), first + packet * n);
            }
        }
    }
}
