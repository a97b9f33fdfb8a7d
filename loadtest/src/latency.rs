//! A histogram of latencies.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Latencies of one kind, in microseconds and with three significant digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
    /// When the first and the last of them were measured.
    period: Option<(Instant, Instant)>,
}

/// Percentiles in milliseconds, and the seconds of the run in which they were measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) from_seconds: f64,
    pub(crate) to_seconds: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3)
            .expect("the bounds and digits are within what it takes");
        Self { histogram, period: None }
    }

    /// Adds a latency that was measured at that time.
    pub(crate) fn record(&mut self, latency: Duration, at: Instant) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(micros);
        let (first, last) = self.period.unwrap_or((at, at));
        self.period = Some((first.min(at), last.max(at)));
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Returns the percentiles of a run that began at that time; `None` if nothing was measured.
    pub(crate) fn percentiles(&self, begin: Instant) -> Option<Percentiles> {
        let (first, last) = self.period?;
        let seconds = |at: Instant| at.saturating_duration_since(begin).as_secs_f64();
        let millis = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile| millis(self.histogram.value_at_quantile(quantile));
        Some(Percentiles {
            count: self.count(),
            from_seconds: seconds(first),
            to_seconds: seconds(last),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: millis(self.histogram.max()),
        })
    }
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
}
