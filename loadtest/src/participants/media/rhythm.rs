//! The rhythm in which a source makes frames, and the frames that its sender left out.
//!
//! A player sends overdue frames in a burst, and leaves out those that are overdue by more than a
//! second. So a shorter pause is one of the source, whose frames need not be even.

use std::collections::BTreeMap;
use std::time::Duration;

/// The steps of RTP time between frames that follow each other without a loss. A sender that is too
/// slow leaves frames out before they get a sequence number, so that only a longer step shows it.
#[derive(Clone, Debug)]
pub(super) struct Rhythm {
    clock_rate: u32,
    last: Option<u32>,
    /// By their length in whole milliseconds.
    steps: BTreeMap<u32, Steps>,
}

/// Steps of about the same length.
#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    count: u64,
    ticks: u64,
}

impl Rhythm {
    pub(super) fn new(clock_rate: u32) -> Self {
        Self { clock_rate, last: None, steps: BTreeMap::new() }
    }

    /// Takes a packet; `is_next` if it follows the one before it.
    pub(super) fn packet(&mut self, timestamp: u32, is_next: bool) {
        let Some(last) = self.last else {
            self.last = Some(timestamp);
            return;
        };
        let ticks = timestamp.wrapping_sub(last);
        // A late packet is not the newest.
        if ticks == 0 || ticks > u32::MAX / 2 {
            return;
        }
        self.last = Some(timestamp);
        if !is_next {
            return;
        }
        let millis = u64::from(ticks) * 1000 / u64::from(self.clock_rate);
        let millis = u32::try_from(millis).unwrap_or(u32::MAX);
        // More than any even rhythm has; what is left out makes no skip.
        if self.steps.len() < MAX_STEPS || self.steps.contains_key(&millis) {
            let steps = self.steps.entry(millis).or_default();
            steps.count += 1;
            steps.ticks += u64::from(ticks);
        }
    }

    /// The average time between two frames; `None` before there are some.
    pub(super) fn interval(&self) -> Option<Duration> {
        let median = self.median()?;
        let mut usual = Steps::default();
        // What catches up follows faster than it plays.
        for steps in self.steps.range(median * 3 / 4..=longest(median)).map(|(_, steps)| steps) {
            usual.count += steps.count;
            usual.ticks += steps.ticks;
        }
        Some(self.average(usual))
    }

    /// How many frames the sender left out between those that it sent.
    pub(super) fn skipped(&self) -> u64 {
        let (Some(interval), Some(median)) = (self.interval(), self.median()) else { return 0 };
        let skips = self.steps.range(longest(median) + 1..).map(|(_, steps)| steps);
        let skipped = skips
            .map(|steps| frames_in(self.average(*steps), interval).saturating_sub(1) * steps.count);
        skipped.sum()
    }

    fn average(&self, steps: Steps) -> Duration {
        let ticks = steps.ticks as f64 / steps.count.max(1) as f64;
        Duration::from_secs_f64(ticks / f64::from(self.clock_rate))
    }

    fn median(&self) -> Option<u32> {
        let half = self.steps.values().map(|steps| steps.count).sum::<u64>() / 2;
        let mut seen = 0;
        self.steps.iter().find_map(|(millis, steps)| {
            seen += steps.count;
            (seen > half).then_some(*millis)
        })
    }
}

/// The longest step in milliseconds in which nothing is left out.
fn longest(median: u32) -> u32 {
    (median * 5 / 4).max(MOST_OVERDUE)
}

/// How many intervals a time has, to the nearest.
pub(super) fn frames_in(time: Duration, interval: Duration) -> u64 {
    if interval.is_zero() {
        return 0;
    }
    (time.as_secs_f64() / interval.as_secs_f64()).round() as u64
}

const MAX_STEPS: usize = 1024;
/// The player of the SDK sends what is overdue by so many milliseconds.
const MOST_OVERDUE: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// 15 pictures a second, each in two packets.
    fn rhythm(frames: impl Iterator<Item = u32>) -> Rhythm {
        let mut rhythm = Rhythm::new(90_000);
        for frame in frames {
            let timestamp = 4_294_900_000_u32.wrapping_add(frame * 6000);
            rhythm.packet(timestamp, true);
            rhythm.packet(timestamp, true);
        }
        rhythm
    }

    #[test]
    fn frames_that_were_left_out_show_in_time_alone() {
        let rhythm = rhythm((0..50).chain(75..100));
        let interval = rhythm.interval().unwrap();
        assert!(interval.abs_diff(Duration::from_micros(66_667)) < Duration::from_micros(10));
        assert_eq!(rhythm.skipped(), 25);
    }

    #[test]
    fn a_file_with_uneven_pictures_leaves_none_out() {
        // Pictures of a screen: 15 a second while something moves, and then one after 800 ms.
        let moving = (0..20).flat_map(|round| (0..10).map(move |frame| round * 22 + frame));
        let rhythm = rhythm(moving);
        assert_eq!(rhythm.skipped(), 0);
        let interval = rhythm.interval().unwrap().as_secs_f64();
        assert!((interval - 22.0 / 150.0).abs() < 0.005, "{interval}: ten in 22/15 s");
        // A picture every two seconds is a rhythm too.
        let mut slides = Rhythm::new(90_000);
        (0..10).for_each(|number| slides.packet(number * 180_000, true));
        assert_eq!((slides.skipped(), slides.interval()), (0, Some(Duration::from_secs(2))));
    }

    #[test]
    fn what_the_network_lost_was_not_left_out_and_neither_is_what_catches_up() {
        let mut rhythm = rhythm(0..50);
        // Ten pictures are lost on the way.
        rhythm.packet(4_294_900_000_u32.wrapping_add(60 * 6000), false);
        // Pictures that a newcomer gets faster than they play.
        for number in 1..=10 {
            rhythm.packet(4_294_900_000_u32.wrapping_add(60 * 6000 + number * 450), true);
        }
        // One that is late.
        rhythm.packet(4_294_900_000_u32.wrapping_add(50 * 6000), false);
        assert_eq!(rhythm.skipped(), 0);
        assert_eq!(Rhythm::new(48_000).interval(), None);
    }
}
