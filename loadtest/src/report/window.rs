//! A run second by second.

use std::collections::BTreeMap;
use std::time::Instant;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::hdr;
use crate::kind::Kind;
use crate::latency::millis;
use crate::recorder::{Measured, Recorder};
use crate::server_metrics::{MESSAGES, QUEUED};
use crate::stream::{StreamCounts, StreamKind};
use crate::usage::share;
use crate::watcher::Sample;

/// The measurements of one second.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Window {
    pub(crate) second: u64,
    pub(super) present: u64,
    pub(super) connections: u64,
    pub(super) failed: u64,
    pub(super) tester_processors: Option<f64>,
    pub(super) server_processors: Option<f64>,
    pub(super) server_memory_bytes: Option<u64>,
    /// Messages that the server handled a second.
    pub(super) server_messages: Option<f64>,
    pub(super) server_queued_bytes: Option<u64>,
    pub(crate) latency_ms: BTreeMap<Kind, WindowPercentiles>,
    /// The counts of received streams of each kind.
    #[serde(default)]
    pub(super) media: BTreeMap<StreamKind, StreamCounts>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct WindowPercentiles {
    pub(super) count: u64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
    /// In microseconds.
    #[serde(with = "hdr")]
    pub(crate) histogram: Histogram<u64>,
}

impl WindowPercentiles {
    pub(super) fn of(histogram: Histogram<u64>) -> Self {
        Self {
            count: histogram.len(),
            p50: millis(histogram.value_at_quantile(0.5)),
            p99: millis(histogram.value_at_quantile(0.99)),
            max: millis(histogram.max()),
            histogram,
        }
    }
}

impl Window {
    /// Adds the server's usage between two samples.
    pub(super) fn add_server(&mut self, before: &Sample, after: &Sample) {
        let time = after.at - before.at;
        let used = before.server.as_ref().zip(after.server.as_ref());
        self.server_processors = used
            .filter(|_| !time.is_zero())
            .map(|(before, after)| share(before.processor, after.processor, time));
        self.server_memory_bytes = after.server.as_ref().map(|usage| usage.memory);
        let counted = |sample: &Sample, series| sample.metrics.as_ref()?.get(series);
        let handled = counted(after, MESSAGES).zip(counted(before, MESSAGES));
        self.server_messages = handled
            .map(|(after, before)| (after - before) / time.as_secs_f64())
            .filter(|rate| rate.is_finite() && *rate >= 0.0);
        self.server_queued_bytes = counted(after, QUEUED).map(|bytes| bytes as u64);
    }
}

pub(super) fn windows(
    begin: Instant,
    samples: &[Sample],
    measured: &[(Kind, Measured)],
    recorder: &Recorder,
) -> Vec<Window> {
    let streams = StreamKind::ALL.map(|kind| (kind, recorder.stream_windows(kind)));
    let pairs = samples.windows(2);
    pairs
        .map(|pair| {
            let [before, after] = pair else { unreachable!("windows of two have two") };
            let time = after.at - before.at;
            let second = before.at.saturating_duration_since(begin).as_secs();
            let used = before.tester.as_ref().zip(after.tester.as_ref());
            let latency_ms = measured.iter().filter_map(|(kind, measured)| {
                let window = measured.windows.get(usize::try_from(second).ok()?)?.as_ref()?;
                Some((*kind, WindowPercentiles::of(window.clone())))
            });
            let media = streams.iter().filter_map(|(kind, windows)| {
                let counts = windows.get(usize::try_from(second).ok()?)?;
                (counts.received > 0).then_some((*kind, *counts))
            });
            let mut window = Window {
                second,
                present: after.counts.present,
                connections: after.counts.connected,
                failed: after.counts.failed,
                tester_processors: used
                    .filter(|_| !time.is_zero())
                    .map(|(before, after)| share(before.processor, after.processor, time)),
                server_processors: None,
                server_memory_bytes: None,
                server_messages: None,
                server_queued_bytes: None,
                latency_ms: latency_ms.collect(),
                media: media.collect(),
            };
            window.add_server(before, after);
            window
        })
        .collect()
}
