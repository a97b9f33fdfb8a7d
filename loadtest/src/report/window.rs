//! A run second by second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::machine::server_metrics::{MESSAGES, QUEUED};
use crate::machine::usage::share;
use crate::machine::watcher::{Sample, Watched};
use crate::measure::latency::millis;
use crate::measure::latency_kind::Kind;
use crate::measure::recorder::{Measured, Recorder};
use crate::measure::sparse_histogram::SparseHistogram;
use crate::measure::stream::{StreamCounts, StreamKind};

/// The measurements of one second, or of several in a run of more than an hour.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Window {
    /// The first of them.
    pub(crate) second: u64,
    /// How many.
    #[serde(default = "one")]
    pub(crate) seconds: u64,
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
    pub(crate) histogram: SparseHistogram,
}

impl WindowPercentiles {
    pub(super) fn of(sparse: SparseHistogram) -> Self {
        let histogram = sparse.to_histogram();
        Self {
            count: histogram.len(),
            p50: millis(histogram.value_at_quantile(0.5)),
            p99: millis(histogram.value_at_quantile(0.99)),
            max: millis(histogram.max()),
            histogram: sparse,
        }
    }
}

impl Window {
    /// Adds the server's usage in the time of the window.
    pub(super) fn add_server(&mut self, begin: Instant, samples: &[Sample]) {
        let Some((before, after)) = self.around(begin, samples) else { return };
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

    /// Adds what the tester counted and used in the time of the window.
    fn add_tester(&mut self, begin: Instant, samples: &[Sample]) {
        let Some((before, after)) = self.around(begin, samples) else { return };
        self.present = after.counts.present;
        self.connections = after.counts.connected;
        self.failed = after.counts.failed;
        let used = before.tester.as_ref().zip(after.tester.as_ref());
        let time = after.at - before.at;
        self.tester_processors = used
            .filter(|_| !time.is_zero())
            .map(|(before, after)| share(before.processor, after.processor, time));
    }

    /// The first samples since the window of a run began and since it ended.
    fn around<'a>(
        &self,
        begin: Instant,
        samples: &'a [Sample],
    ) -> Option<(&'a Sample, &'a Sample)> {
        let last = samples.len().checked_sub(1)?;
        let since = |second| {
            let at = begin + Duration::from_secs(second);
            samples.partition_point(|sample| sample.at < at).min(last)
        };
        Some((&samples[since(self.second)], &samples[since(self.second + self.seconds)]))
    }
}

pub(super) fn windows(
    begin: Instant,
    watched: &Watched,
    measured: &[(Kind, Measured)],
    recorder: &Recorder,
) -> Vec<Window> {
    let mut latencies: Vec<_> =
        measured.iter().map(|(kind, measured)| (*kind, measured.windows.clone())).collect();
    let mut streams = StreamKind::ALL.map(|kind| (kind, recorder.stream_windows(kind)));
    let seconds = latencies.iter().map(|(_, windows)| windows.seconds());
    let seconds = seconds.chain(streams.iter().map(|(_, windows)| windows.seconds()));
    let seconds = seconds.fold(watched.seconds_apart, u64::max);
    latencies.iter_mut().for_each(|(_, windows)| windows.widen(seconds));
    streams.iter_mut().for_each(|(_, windows)| windows.widen(seconds));
    let samples = &watched.samples;
    let took = samples.last().map_or(Duration::ZERO, |last| last.at.duration_since(begin));
    let count = took.as_nanos().div_ceil(Duration::from_secs(seconds).as_nanos());
    (0..u64::try_from(count).unwrap_or(0))
        .map(|number| {
            let of_kinds = latencies.iter().filter_map(|(kind, windows)| {
                let histogram = windows.get(number).filter(|window| !window.is_empty())?;
                Some((*kind, WindowPercentiles::of(histogram.clone())))
            });
            let of_streams = streams.iter().filter_map(|(kind, windows)| {
                let counts = windows.get(number)?;
                (counts.received > 0).then_some((*kind, *counts))
            });
            let mut window = Window {
                second: number * seconds,
                seconds,
                present: 0,
                connections: 0,
                failed: 0,
                tester_processors: None,
                server_processors: None,
                server_memory_bytes: None,
                server_messages: None,
                server_queued_bytes: None,
                latency_ms: of_kinds.collect(),
                media: of_streams.collect(),
            };
            window.add_tester(begin, samples);
            window.add_server(begin, samples);
            window
        })
        .collect()
}

/// As many as the windows of earlier reports have.
fn one() -> u64 {
    1
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;
    use crate::machine::usage::Usage;
    use crate::measure::live_counts::Counts;
    use crate::measure::recorder::Step;

    /// A run with a message each half minute, of a tester that keeps one processor busy.
    fn run(hours: u64) -> Vec<Window> {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let end = hours * 3600;
        let recorder = Recorder::new(begin, begin);
        for second in (0..end).step_by(30) {
            let intended = at(second);
            let ended = intended + Duration::from_millis(second % 100);
            recorder.answered(Kind::Relay, Step { intended, started: intended, ended });
            let counts = StreamCounts { received: 1, ..StreamCounts::default() };
            recorder.streams(StreamKind::Audio, second, counts);
        }
        let seconds_apart = (end / 3600).next_power_of_two();
        let sample = |second: u64| Sample {
            at: at(second),
            tester: Some(Usage { processor: Duration::from_secs(second), ..Usage::default() }),
            server: None,
            metrics: None,
            tcp_sockets: None,
            counts: Counts { present: second, ..Counts::default() },
        };
        let samples = (0..end / seconds_apart).map(|number| sample(number * seconds_apart));
        let samples = samples.chain([sample(end)]).collect();
        let lag = Histogram::new(2).unwrap();
        let watched = Watched { samples, seconds_apart, lag, is_server_here: false };
        let measured = [(Kind::Relay, recorder.measured(Kind::Relay))];
        windows(begin, &watched, &measured, &recorder)
    }

    #[test]
    fn the_windows_of_half_a_day_have_a_bound_and_leave_nothing_out() {
        for hours in [1, 12] {
            let windows = run(hours);
            assert!(windows.len() <= 3600, "{hours} h: {} windows", windows.len());
            let lasts: u64 = windows.iter().map(|window| window.seconds).sum();
            assert_eq!(lasts, hours * 3600);
            let of_kind = |window: &Window| Some(window.latency_ms.get(&Kind::Relay)?.count);
            let count: u64 = windows.iter().filter_map(of_kind).sum();
            let packets: u64 =
                windows.iter().flat_map(|w| w.media.values()).map(|m| m.received).sum();
            assert_eq!((count, packets), (hours * 120, hours * 120));
            for window in &windows {
                assert_eq!(window.present, window.second + window.seconds);
                assert!((window.tester_processors.unwrap() - 1.0).abs() < 1e-9, "{window:?}");
            }
        }
    }
}
