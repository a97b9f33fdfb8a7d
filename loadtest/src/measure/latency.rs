//! Histograms of latencies.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Latencies of one kind, in microseconds and with three significant digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
    /// When the first and the last of them were measured.
    period: Option<(Instant, Instant)>,
    /// When something was last given up.
    given_up: Option<Instant>,
}

/// Percentiles in milliseconds, and the seconds of the run in which they were measured.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) from_seconds: f64,
    pub(crate) to_seconds: f64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3)
            .expect("the bounds and digits are within what it takes");
        Self { histogram, period: None, given_up: None }
    }

    /// Adds a latency that was measured at that time.
    pub(crate) fn record(&mut self, latency: Duration, at: Instant) {
        self.histogram.saturating_record(micros(latency));
        let (first, last) = self.period.unwrap_or((at, at));
        self.period = Some((first.min(at), last.max(at)));
    }

    /// Adds the time that something has waited for until it was given up.
    pub(crate) fn give_up(&mut self, waited: Duration, at: Instant) {
        self.histogram.saturating_record(micros(waited));
        self.given_up = self.given_up.max(Some(at));
    }

    pub(crate) fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// Returns the percentiles of a run that began at that time; `None` if nothing was measured.
    pub(crate) fn percentiles(&self, begin: Instant) -> Option<Percentiles> {
        let (first, last) = self.period.or(self.given_up.map(|at| (at, at)))?;
        let seconds = |at: Instant| at.saturating_duration_since(begin).as_secs_f64();
        Some(Percentiles::of(&self.histogram, seconds(first), seconds(last)))
    }
}

impl Percentiles {
    pub(crate) fn of(histogram: &Histogram<u64>, from_seconds: f64, to_seconds: f64) -> Self {
        let at = |quantile| millis(histogram.value_at_quantile(quantile));
        Self {
            count: histogram.len(),
            from_seconds,
            to_seconds,
            mean: histogram.mean() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: millis(histogram.max()),
        }
    }

    /// The 99th percentile, if there are samples beyond it.
    pub(crate) fn p99(&self) -> Option<f64> {
        has_samples_for(0.99, self.count).then_some(self.p99)
    }
}

/// The latency in milliseconds that each share of them does not exceed.
pub(crate) fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let (count, mut seen) = (histogram.len() as f64, 0);
    let mut curve = Vec::new();
    for value in histogram.iter_recorded() {
        seen += value.count_at_value();
        // The longest exceeds all others: its share is not 1 but what they have shown.
        let share = (seen as f64 - 0.5) / count;
        curve.push((share, millis(value.value_iterated_to())));
    }
    curve
}

/// Whether there are samples enough for a quantile to differ from the longest one.
pub(crate) fn has_samples_for(quantile: f64, count: u64) -> bool {
    // A little less than one, for quantiles have no exact form.
    count as f64 * (1.0 - quantile) > 1.0 - 1e-6
}

pub(crate) fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// Latencies above an hour count as an hour.
const LONGEST_MICROS: u64 = 3_600_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_latencies_are_told_as_exactly_as_short_ones() {
        let mut latencies = Latencies::new();
        let begin = Instant::now();
        assert!(latencies.percentiles(begin).is_none());
        for (millis, at) in [(1, 3), (250, 7), (30_000, 5)] {
            latencies.record(Duration::from_millis(millis), begin + Duration::from_secs(at));
        }
        let Percentiles { count, p50, max, from_seconds, to_seconds, .. } =
            latencies.percentiles(begin).unwrap();
        assert_eq!((from_seconds, to_seconds), (3.0, 7.0));
        assert_eq!(count, 3);
        assert!((p50 - 250.0).abs() < 0.5 && (max - 30_000.0).abs() < 30.0, "{p50} {max}");
    }

    #[test]
    fn the_percentiles_of_a_known_distribution_are_its_quantiles() {
        let mut latencies = Latencies::new();
        let now = Instant::now();
        for micros in 1..=100_000 {
            latencies.record(Duration::from_micros(micros), now);
        }
        let told = latencies.percentiles(now).unwrap();
        let expected = [(told.p50, 50.0), (told.p90, 90.0), (told.p99, 99.0), (told.p999, 99.9)];
        for (told, expected) in expected {
            assert!((told / expected - 1.0).abs() < 0.001, "{told} and not {expected}");
        }
        assert!((told.mean - 50.0).abs() < 0.05, "{}", told.mean);
    }

    #[test]
    fn a_percentile_needs_samples_beyond_it() {
        for (quantile, least) in [(0.5, 2), (0.9, 10), (0.99, 100), (0.999, 1000)] {
            assert!(has_samples_for(quantile, least), "{quantile}");
            assert!(!has_samples_for(quantile, least - 1), "{quantile}");
        }
        let now = Instant::now();
        let told = |count| {
            let mut latencies = Latencies::new();
            (0..count).for_each(|_| latencies.record(Duration::from_millis(7), now));
            latencies.percentiles(now).unwrap().p99().is_some()
        };
        assert!(told(100) && !told(99));
    }
}
