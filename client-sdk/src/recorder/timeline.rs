//! The times of the frames of a track.

use std::time::Duration;

/// Places the frames of one track on the timeline of a file.
///
/// The sender's clock determines the time, since all its tracks share it. Until it is known,
/// timestamps are used. Neither is used if it differs from the arrival time by seconds, since
/// senders restart their timestamps, and clocks are set. Frames that were held up on their way keep
/// their time: the first of them is late, but the others follow faster than they play.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    clock_rate: u32,
    /// The time of the sender's clock at the beginning of the file.
    zero: Option<i128>,
    last: Placed,
    /// How long after its time a frame arrives that is not held up.
    delay: i128,
    /// The arrival of the first frame of those that are held up.
    held_up: Option<i128>,
}

/// The last frame; times are in nanoseconds from the beginning of the file.
#[derive(Clone, Copy, Debug)]
struct Placed {
    timestamp: u32,
    arrival: i128,
    at: i128,
}

impl Timeline {
    /// Creates the timeline of a track whose first frame is at a time since the beginning of the
    /// file. `zero` is the sender's time at that beginning, if it is known.
    pub(super) fn new(
        clock_rate: u32,
        zero: Option<i128>,
        timestamp: u32,
        arrival: Duration,
        at: i128,
    ) -> Self {
        let arrival = nanos(arrival);
        let last = Placed { timestamp, arrival, at };
        Self { clock_rate, zero, last, delay: arrival - at, held_up: None }
    }

    /// Places the next frame. `time` is its time by the sender's clock, in nanoseconds.
    pub(super) fn place(
        &mut self,
        timestamp: u32,
        time: Option<i128>,
        arrival: Duration,
    ) -> Duration {
        let arrival = nanos(arrival);
        let by_arrival = arrival - self.delay;
        let step = ticks(timestamp, self.last.timestamp, self.clock_rate);
        let by_steps = self.last.at + step;
        let by_clock = time.zip(self.zero).map(|(time, zero)| time - zero);
        let mut at = match by_clock {
            // Reports of a busy sender are late, so a small difference is corrected gradually.
            Some(by_clock) if is_small(by_clock - by_steps) => {
                let most = (step / 20).abs();
                by_steps + (by_clock - by_steps).clamp(-most, most)
            }
            // A gap that the timestamps do not show.
            Some(by_clock) if is_believed(by_clock, by_arrival) => by_clock,
            // The clock was set, or is not known yet.
            Some(_) | None => by_steps,
        };
        if is_believed(at, by_arrival) {
            self.held_up = None;
        } else if !self.is_held_up(step, by_arrival, arrival) {
            at = by_arrival;
        }
        if let Some(time) = time
            && by_clock.is_none_or(|by_clock| !is_small(by_clock - at))
        {
            self.zero = Some(time - at);
        }
        // Players reject two frames of a track in the same millisecond.
        at = at.max(self.last.at + 1_000_000);
        // The clocks of both sides may drift apart.
        let drift = (arrival - self.last.arrival) / MOST_DRIFT;
        self.delay = (self.delay + drift).min(arrival - at);
        self.last = Placed { timestamp, arrival, at };
        Duration::from_nanos(u64::try_from(at).unwrap_or(0))
    }

    /// Whether a frame that is not believed to be so early was held up, and not for longer than
    /// frames wait to be recorded.
    fn is_held_up(&mut self, step: i128, by_arrival: i128, arrival: i128) -> bool {
        let continues = step >= 0 && self.last.at + step <= by_arrival;
        let since = *self.held_up.get_or_insert(arrival);
        continues && arrival - since <= HELD_UP.as_nanos() as i128
    }
}

/// Whether a time agrees with the arrival time, both in nanoseconds.
pub(super) fn is_believed(at: i128, by_arrival: i128) -> bool {
    (at - by_arrival).unsigned_abs() <= BELIEVED.as_nanos()
}

/// Whether a difference of two times in nanoseconds is small.
fn is_small(difference: i128) -> bool {
    difference.unsigned_abs() <= SMALL.as_nanos()
}

/// The nanoseconds from one timestamp to another, which may be earlier.
pub(super) fn ticks(timestamp: u32, since: u32, clock_rate: u32) -> i128 {
    let ticks = timestamp.wrapping_sub(since) as i32;
    i128::from(ticks) * 1_000_000_000 / i128::from(clock_rate)
}

fn nanos(duration: Duration) -> i128 {
    duration.as_nanos() as i128
}

const SMALL: Duration = Duration::from_millis(200);
const BELIEVED: Duration = Duration::from_secs(2);
const HELD_UP: Duration = Duration::from_secs(5);
/// One in a thousand.
const MOST_DRIFT: i128 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn without_a_clock_time_stamps_go_on_and_arrivals_do_not_matter() {
        let mut line = Timeline::new(48_000, None, 1000, millis(0), 0);
        assert_eq!(line.place(1960, None, millis(35)), millis(20));
        assert_eq!(line.place(2920, None, millis(36)), millis(40));
        // A second in which nothing was sent.
        assert_eq!(line.place(50_920, None, millis(1040)), millis(1040));
    }

    #[test]
    fn the_clock_of_the_sender_corrects_time_stamps_that_drift() {
        let zero = 100 * SECOND;
        let mut line = Timeline::new(48_000, Some(zero), 0, millis(0), 0);
        // 200 ppm too slow: after 100 s time stamps lag by 20 ms.
        for second in 1_u32..=100 {
            let timestamp = second * 48_000 - second * 48_000 / 5000;
            let at = line.place(
                timestamp,
                Some(zero + i128::from(second) * SECOND),
                millis(u64::from(second) * 1000),
            );
            assert_eq!(at, millis(u64::from(second) * 1000));
        }
    }

    #[test]
    fn neither_a_clock_that_is_set_nor_time_stamps_that_begin_anew_tear_a_file_apart() {
        let zero = 100 * SECOND;
        let mut line = Timeline::new(90_000, Some(zero), 0, millis(0), 0);
        assert_eq!(line.place(9000, Some(zero + SECOND / 10), millis(100)), millis(100));
        // An hour later by the clock, and from then on.
        let later = zero + 3600 * SECOND;
        assert_eq!(line.place(18_000, Some(later), millis(200)), millis(200));
        assert_eq!(line.place(27_000, Some(later + SECOND / 10), millis(290)), millis(300));
        let mut line = Timeline::new(90_000, None, 0, millis(0), 0);
        assert_eq!(line.place(3_000_000_000, None, millis(40)), millis(40));
        assert_eq!(line.place(3_000_003_600, None, millis(90)), millis(80));
    }

    #[test]
    fn time_goes_on_whatever_a_busy_sender_reports() {
        let mut line = Timeline::new(48_000, Some(0), 0, millis(0), 0);
        assert_eq!(line.place(4800, None, millis(100)), millis(100));
        assert_eq!(line.place(3840, None, millis(101)), millis(101));
        let mut line = Timeline::new(48_000, Some(0), 0, millis(0), 0);
        let mut last = Duration::ZERO;
        for number in 1..1000_u32 {
            // Each second another report, late by up to 150 ms.
            let late = i128::from(number / 50 * 67 % 150) * 1_000_000;
            let time = i128::from(number) * SECOND / 50 + late;
            let at = line.place(number * 960, Some(time), millis(u64::from(number) * 20));
            let step = (at - last).as_secs_f64();
            assert!((0.019..=0.021).contains(&step), "frame {number} follows after {step} s");
            last = at;
        }
    }

    #[test]
    fn a_gap_that_time_stamps_do_not_show_is_one() {
        let mut line = Timeline::new(48_000, Some(0), 0, millis(0), 0);
        assert_eq!(line.place(960, Some(SECOND / 50), millis(20)), millis(20));
        assert_eq!(line.place(1920, Some(SECOND), millis(1000)), millis(1000));
    }

    #[test]
    fn what_is_held_up_and_then_comes_at_once_keeps_its_time() {
        for clock in [None, Some(100 * SECOND)] {
            let mut line = Timeline::new(48_000, clock, 0, millis(0), 0);
            for number in 1..=1000_u64 {
                let due = millis(number * 20);
                // Nothing arrives for four seconds, twice.
                let held_up = (2_000..6_000).contains(&due.as_millis())
                    || (9_000..13_000).contains(&due.as_millis());
                let arrival = match held_up {
                    true if due < millis(6_000) => millis(6_000),
                    true => millis(13_000),
                    false => due,
                };
                let time = clock.map(|zero| zero + nanos(due));
                let at = line.place(number as u32 * 960, time, arrival);
                assert_eq!(at, due, "frame {number}");
            }
        }
    }

    #[test]
    fn a_pause_that_time_stamps_do_not_show_is_one_after_a_while() {
        let mut line = Timeline::new(48_000, None, 0, millis(0), 0);
        let mut last = Duration::ZERO;
        for number in 1..=500_u64 {
            last = line.place(number as u32 * 960, None, millis(number * 20 + 3000));
        }
        assert!(last.abs_diff(millis(13_000)) < millis(20), "{last:?}");
    }
}
