//! A histogram of latencies.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Latencies of one kind, in microseconds and with three significant digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
        Self(histogram.expect("the bounds and digits are within what it takes"))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        if self.0.is_empty() {
            return None;
        }
        let millis = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile| millis(self.0.value_at_quantile(quantile));
        Some(Percentiles {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: millis(self.0.max()),
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
        assert!(latencies.percentiles().is_none());
        for millis in [1, 250, 30_000] {
            latencies.record(Duration::from_millis(millis));
        }
        let Percentiles { count, p50, max, .. } = latencies.percentiles().unwrap();
        assert_eq!(count, 3);
        assert!((p50 - 250.0).abs() < 0.5 && (max - 30_000.0).abs() < 30.0, "{p50} {max}");
    }
}
