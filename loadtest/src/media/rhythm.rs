//! The rhythm in which a source makes frames, and the frames that its sender left out.

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

    /// The time between two frames; `None` before there are some.
    pub(super) fn interval(&self) -> Option<Duration> {
        let median = self.median()?;
        let mut usual = Steps::default();
        for steps in self.steps.range(median * 3 / 4..=median * 5 / 4).map(|(_, steps)| steps) {
            usual.count += steps.count;
            usual.ticks += steps.ticks;
        }
        Some(self.average(usual))
    }

    /// How many frames the sender left out between those that it sent.
    pub(super) fn skipped(&self) -> u64 {
        let Some(interval) = self.interval() else { return 0 };
        let skipped = self
            .steps
            .values()
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

/// How many intervals a time has, to the nearest.
pub(super) fn frames_in(time: Duration, interval: Duration) -> u64 {
    if interval.is_zero() {
        return 0;
    }
    (time.as_secs_f64() / interval.as_secs_f64()).round() as u64
}

const MAX_STEPS: usize = 256;

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
        let rhythm = rhythm((0..50).chain(55..100));
        let interval = rhythm.interval().unwrap();
        assert!(interval.abs_diff(Duration::from_micros(66_667)) < Duration::from_micros(10));
        assert_eq!(rhythm.skipped(), 5);
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
