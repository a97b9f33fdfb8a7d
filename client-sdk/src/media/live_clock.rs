//! The clock of a live source, whose frames are sent as they arrive.

use std::time::Duration;

use tokio::time::Instant;

/// Frames play one after the other for their stated durations, independent of when they arrive.
/// Stated durations are rarely exact: a camera with 30.1 pictures a second states a thirtieth. The
/// clock is therefore adjusted if all frames of a second arrived too early or too late. A camera
/// that slows down to 24 pictures in the dark falls behind by so much that the clock restarts; it
/// keeps the ratio of real to stated durations that it has learned.
pub(super) struct LiveClock {
    /// When the next frame plays.
    next: Instant,
    /// When the last frame arrived.
    last: Instant,
    /// The ratio of real to stated durations.
    stretch: f64,
    /// The start of the current comparison with the clock.
    since: Instant,
    /// The stated duration of the frames since then.
    said: Duration,
    /// The real and the stated duration of the previous comparison.
    before: (Duration, Duration),
    /// The minimum and maximum by which the clock was ahead of a frame, in nanoseconds.
    ahead: (i64, i64),
    /// The correction to make, in nanoseconds.
    excess: i64,
}

impl LiveClock {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: now,
            last: now,
            stretch: 1.0,
            since: now,
            said: Duration::ZERO,
            before: (Duration::ZERO, Duration::ZERO),
            ahead: NOTHING_SEEN,
            excess: 0,
        }
    }

    /// Returns the time of a frame that arrives now.
    pub(super) fn place(&mut self, duration: Duration, now: Instant) -> Instant {
        if now.saturating_duration_since(self.next) > PAUSE {
            // Either the application has paused, or each frame arrived a little late.
            let stretch = match now.saturating_duration_since(self.last) > PAUSE {
                true => self.stretch,
                false => self.learned(now),
            };
            *self = Self { stretch, ..Self::new(now) };
        }
        self.last = now;
        let ahead = nanos(self.next.saturating_duration_since(now))
            - nanos(now.saturating_duration_since(self.next));
        let (least, most) = self.ahead;
        self.ahead = (least.min(ahead), most.max(ahead));
        if now.saturating_duration_since(self.since) >= COMPARED {
            let (least, most) = self.ahead;
            self.excess = least.max(0) + most.min(0);
            if self.excess > nanos(PAUSE) {
                // The source has become faster again, or sends ahead.
                self.stretch = 1.0;
            }
            self.before = (now.saturating_duration_since(self.since), self.said);
            (self.since, self.said, self.ahead) = (now, Duration::ZERO, NOTHING_SEEN);
        }
        self.said += duration;
        let duration = nanos(duration.mul_f64(self.stretch));
        let correction = self.excess.clamp(-duration / MOST, duration / MOST);
        self.excess -= correction;
        let at = self.next;
        self.next += Duration::from_nanos((duration - correction).unsigned_abs());
        at
    }

    /// The ratio of real to stated durations of the last frames.
    fn learned(&self, now: Instant) -> f64 {
        let took = self.before.0 + now.saturating_duration_since(self.since);
        let said = self.before.1 + self.said;
        // There is no stated duration if the only frame was a pause, or has none.
        if said.is_zero() { 1.0 } else { took.div_duration_f64(said).clamp(1.0, MOST_STRETCH) }
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// How far a live source may be late before it counts as paused.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
const COMPARED: Duration = Duration::from_secs(1);
const NOTHING_SEEN: (i64, i64) = (i64::MAX, i64::MIN);
/// No frame is shortened or prolonged by more than 1/8 of its duration.
const MOST: i64 = 8;
/// If a source is slower, each frame counts as a pause.
const MOST_STRETCH: f64 = 4.0;

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
    fn a_camera_that_becomes_much_slower_plays_evenly_and_becomes_faster_again() {
        let begin = Instant::now();
        let said = Duration::from_secs(1) / 30;
        let mut clock = LiveClock::new(begin);
        let (mut now, mut last) = (begin, begin);
        for (real, seconds) in [(30.0, 60), (24.0, 600), (15.0, 600), (30.0, 60)] {
            let real_duration = Duration::from_secs(1).div_f64(real);
            for n in 0..seconds * real as u32 {
                now += real_duration;
                let at = clock.place(said, now);
                // It takes a while to learn.
                if n > 30 * real as u32 {
                    let (step, apart) = (at - last, at.max(now) - at.min(now));
                    assert!(step.abs_diff(real_duration) < said / 4, "{real}: {step:?}");
                    assert!(apart < Duration::from_millis(100), "{real}: {apart:?}");
                }
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
