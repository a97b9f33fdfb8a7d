//! Latencies by the phase of the run.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::measure::hdr;
use crate::measure::latency::{has_samples_for, millis};
use crate::measure::phase::Phase;
use crate::measure::recorder::Measured;

/// The latencies of steps that were planned for one phase, in milliseconds. A percentile without
/// samples beyond it is `None`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PhaseLatency {
    pub(super) count: u64,
    pub(super) mean: f64,
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) p999: Option<f64>,
    pub(super) max: f64,
    /// In microseconds.
    #[serde(with = "hdr")]
    pub(super) histogram: Histogram<u64>,
}

impl PhaseLatency {
    pub(super) fn of(histogram: Histogram<u64>) -> Self {
        let count = histogram.len();
        let at = |quantile| {
            has_samples_for(quantile, count).then(|| millis(histogram.value_at_quantile(quantile)))
        };
        Self {
            count,
            mean: histogram.mean() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: millis(histogram.max()),
            histogram,
        }
    }
}

/// The phases for which something was planned.
pub(super) fn phases(measured: &Measured) -> BTreeMap<Phase, PhaseLatency> {
    let phases = Phase::MEASURED.into_iter();
    let measured = phases.filter_map(|phase| Some((phase, measured.of_phase(phase)?)));
    measured.map(|(phase, histogram)| (phase, PhaseLatency::of(histogram.clone()))).collect()
}
