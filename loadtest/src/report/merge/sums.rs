//! The figures of several generators, added up.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::machine::health::Health;
use crate::measure::latency_kind::Kind;
use crate::measure::phase::Phase;
use crate::measure::stream::{StreamCounts, StreamKind};
use crate::report::phases::PhaseLatency;
use crate::report::window::WindowPercentiles;
use crate::report::{Impaired, Reached, Window};

/// Joins windows that follow each other until each lasts for so many seconds.
pub(super) fn widened(windows: Vec<Window>, seconds: u64) -> Vec<Window> {
    let mut joined: Vec<Window> = Vec::new();
    for mut window in windows {
        let begin = window.second / seconds * seconds;
        match joined.last_mut() {
            Some(before) if before.second == begin => before.append(window),
            _ => {
                window.second = begin;
                joined.push(window);
            }
        }
    }
    for window in &mut joined {
        window.seconds = window.seconds.max(seconds);
    }
    joined
}

impl Window {
    /// Adds the window that follows this one.
    fn append(&mut self, next: Self) {
        let (here, there) = (self.seconds as f64, next.seconds as f64);
        let mean = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some((one * here + other * there) / (here + there)),
            (one, other) => one.or(other),
        };
        self.tester_processors = mean(self.tester_processors, next.tester_processors);
        self.server_processors = mean(self.server_processors, next.server_processors);
        self.server_messages = mean(self.server_messages, next.server_messages);
        self.server_memory_bytes = next.server_memory_bytes.or(self.server_memory_bytes);
        self.server_queued_bytes = next.server_queued_bytes.or(self.server_queued_bytes);
        (self.present, self.connections) = (next.present, next.connections);
        self.failed = next.failed;
        self.seconds += next.seconds;
        self.add_samples(next.latency_ms, next.media);
    }

    /// Adds the window of another generator for the same seconds.
    pub(super) fn add(&mut self, other: Self) {
        self.present += other.present;
        self.connections += other.connections;
        self.failed += other.failed;
        let processors = [self.tester_processors, other.tester_processors];
        self.tester_processors = processors.into_iter().flatten().reduce(|one, other| one + other);
        self.server_processors = self.server_processors.or(other.server_processors);
        self.server_memory_bytes = self.server_memory_bytes.or(other.server_memory_bytes);
        self.server_messages = self.server_messages.or(other.server_messages);
        self.server_queued_bytes = self.server_queued_bytes.or(other.server_queued_bytes);
        self.add_samples(other.latency_ms, other.media);
    }

    fn add_samples(
        &mut self,
        latencies: BTreeMap<Kind, WindowPercentiles>,
        media: BTreeMap<StreamKind, StreamCounts>,
    ) {
        for (kind, told) in latencies {
            let mut histogram = told.histogram;
            if let Some(sum) = self.latency_ms.remove(&kind) {
                histogram += sum.histogram;
            }
            self.latency_ms.insert(kind, WindowPercentiles::of(histogram));
        }
        for (kind, counts) in media {
            *self.media.entry(kind).or_default() += counts;
        }
    }
}

impl Impaired {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            carried: self.carried + other.carried,
            lost: self.lost + other.lost,
            stalled: self.stalled + other.stalled,
            overtaken: self.overtaken + other.overtaken,
        }
    }
}

impl Reached {
    pub(super) fn add(&mut self, other: Self) {
        self.wanted += other.wanted;
        self.reached += other.reached;
    }
}

impl Health {
    /// Adds another machine. Each has to keep up: the worst counts.
    pub(super) fn add(&mut self, other: Self) {
        let (lag, others) = (&mut self.lag_ms, other.lag_ms);
        lag.p50 = lag.p50.max(others.p50);
        lag.p99 = lag.p99.max(others.p99);
        lag.max = lag.max.max(others.max);
        self.processors += other.processors;
        self.busiest_processors += other.busiest_processors;
        self.waited_for += other.waited_for;
        for (thread, processors) in other.processors_by_thread {
            *self.processors_by_thread.entry(thread).or_default() += processors;
        }
        self.memory_bytes += other.memory_bytes;
        self.open_files += other.open_files;
        self.tcp_sockets = self.tcp_sockets.max(other.tcp_sockets);
        self.reasons.extend(other.reasons);
    }
}

pub(super) fn add_phases(
    sums: &mut BTreeMap<Phase, PhaseLatency>,
    others: BTreeMap<Phase, PhaseLatency>,
) {
    for (phase, mut latency) in others {
        if let Some(sum) = sums.remove(&phase) {
            add(&mut latency.histogram, &sum.histogram);
        }
        sums.insert(phase, PhaseLatency::of(latency.histogram));
    }
}

pub(super) fn add(sum: &mut Histogram<u64>, other: &Histogram<u64>) {
    // A window grows with what is added; the others have the same bounds.
    sum.auto(true);
    sum.add(other).expect("it grows with what is added");
}
