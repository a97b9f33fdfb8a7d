//! Watches the resources of the tester and the server during a run, and the lateness of the tester.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::machine::server_metrics::{MESSAGES, MetricsSource, ServerMetrics};
use crate::machine::usage::{self, Usage, share};
use crate::measure::latency::micros;
use crate::measure::live_counts::{Counts, LiveCounts};
use crate::measure::timeline::MOST_STRETCHES;

/// A watcher that runs.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    sampling: JoinHandle<Samples>,
    ticking: AbortHandle,
    is_server_here: bool,
}

/// The state at one time.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) tester: Option<Usage>,
    pub(crate) server: Option<Usage>,
    /// The server's own metrics.
    pub(crate) metrics: Option<ServerMetrics>,
    pub(crate) tcp_sockets: Option<u64>,
    pub(crate) counts: Counts,
}

/// Where the figures of the server come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerSources {
    /// Its process on this machine.
    pub(crate) pid: Option<u32>,
    pub(crate) metrics: Option<MetricsSource>,
}

/// The load of the last second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) tester_processors: Option<f64>,
    pub(crate) server_processors: Option<f64>,
    /// Messages that the server has handled a second.
    pub(crate) server_messages: Option<f64>,
}

/// Tells the load while a watcher runs; cheap to clone.
#[derive(Clone)]
pub(crate) struct LoadGauge(Arc<Shared>);

/// The observations.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// The first before the start and the last at the end.
    pub(crate) samples: Vec<Sample>,
    /// How far they are apart.
    pub(crate) seconds_apart: u64,
    /// By how many microseconds tasks of this process ran too late.
    pub(crate) lag: Histogram<u64>,
    /// Whether the server is known to run on this machine.
    pub(crate) is_server_here: bool,
}

/// Samples of equal distance: a second at first. When they become too many, every second one of
/// them is dropped.
#[derive(Debug)]
struct Samples {
    kept: Vec<Sample>,
    seconds_apart: u64,
    taken: u64,
}

struct Shared {
    stops: AtomicBool,
    lag: Mutex<Histogram<u64>>,
    load: Mutex<Load>,
}

impl Watcher {
    /// Starts to watch, from within the runtime whose tasks are to be watched.
    pub(crate) fn start(live: Arc<LiveCounts>, server: ServerSources) -> std::io::Result<Self> {
        let mut lag = Histogram::new(2).expect("two digits are within what it takes");
        lag.auto(true);
        let shared = Arc::new(Shared {
            stops: AtomicBool::new(false),
            lag: Mutex::new(lag),
            load: Mutex::default(),
        });
        let of_sampler = Arc::clone(&shared);
        // Metrics do not tell of which machine they are.
        let is_server_here = server.pid.is_some();
        let sampling = thread::Builder::new()
            .name("watcher".into())
            .spawn(move || sample_all(&live, &server, &of_sampler))?;
        let ticking = tokio::spawn(tick(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, sampling, ticking, is_server_here })
    }

    pub(crate) fn gauge(&self) -> LoadGauge {
        LoadGauge(Arc::clone(&self.shared))
    }

    pub(crate) fn finish(self) -> Watched {
        self.shared.stops.store(true, Ordering::Relaxed);
        self.sampling.thread().unpark();
        self.ticking.abort();
        // Without samples, nothing is said about the machine.
        let samples = self.sampling.join().unwrap_or_default();
        let Samples { kept: samples, seconds_apart, .. } = samples;
        let lag = self.shared.lag.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Watched { samples, seconds_apart, lag, is_server_here: self.is_server_here }
    }
}

impl LoadGauge {
    pub(crate) fn latest(&self) -> Load {
        *self.0.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    fn between(before: &Sample, after: &Sample) -> Self {
        let time = after.at - before.at;
        let used = |of: fn(&Sample) -> Option<Duration>| {
            Some(share(of(before)?, of(after)?, time)).filter(|_| !time.is_zero())
        };
        let messages = |sample: &Sample| sample.metrics.as_ref()?.get(MESSAGES);
        Self {
            tester_processors: used(|sample| Some(sample.tester.as_ref()?.processor)),
            server_processors: used(|sample| Some(sample.server.as_ref()?.processor)),
            server_messages: messages(after).zip(messages(before)).and_then(|(after, before)| {
                Some((after - before) / time.as_secs_f64()).filter(|rate| *rate >= 0.0)
            }),
        }
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self { kept: Vec::new(), seconds_apart: 1, taken: 0 }
    }
}

impl Samples {
    /// Takes the sample of the next second.
    fn take(&mut self, sample: Sample) {
        if self.taken.is_multiple_of(self.seconds_apart) {
            self.kept.push(sample);
        }
        self.taken += 1;
        if self.kept.len() as u64 > MOST_STRETCHES {
            let mut number = 0;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.seconds_apart *= 2;
        }
    }
}

fn sample_all(live: &LiveCounts, server: &ServerSources, shared: &Shared) -> Samples {
    let mut samples = Samples::default();
    let mut due = Instant::now();
    let mut latest: Option<Sample> = None;
    loop {
        let sample = sample(live, server);
        if let Some(before) = &latest {
            let load = Load::between(before, &sample);
            *shared.load.lock().unwrap_or_else(PoisonError::into_inner) = load;
        }
        if shared.stops.load(Ordering::Relaxed) {
            samples.kept.push(sample);
            return samples;
        }
        samples.take(sample.clone());
        latest = Some(sample);
        due += SECOND;
        thread::park_timeout(due.saturating_duration_since(Instant::now()));
    }
}

fn sample(live: &LiveCounts, server: &ServerSources) -> Sample {
    let (at, tester, counts) = (Instant::now(), Usage::of(None), live.counts());
    // A server that does not answer has no figures for this second.
    let metrics = server.metrics.as_ref().and_then(|source| source.fetch().ok());
    let of_process = server.pid.and_then(|pid| Usage::of(Some(pid)));
    let server = of_process.or_else(|| metrics.as_ref()?.usage());
    Sample { at, tester, server, metrics, tcp_sockets: usage::tcp_sockets(), counts }
}

/// A task like all others, which notes how late it is.
async fn tick(shared: Arc<Shared>) {
    let mut ticks = interval_at((Instant::now() + EVERY).into(), EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        let due = ticks.tick().await.into_std();
        let late = micros(due.elapsed());
        let mut lag = shared.lag.lock().unwrap_or_else(PoisonError::into_inner);
        lag.record(late).expect("it grows with what is recorded");
    }
}

const SECOND: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_day_are_as_many_as_those_of_an_hour_and_equally_far_apart() {
        let begin = Instant::now();
        let mut samples = Samples::default();
        for second in 0..24 * 3600 {
            let at = begin + SECOND * second;
            let (tester, server, metrics) = (None, None, None);
            let counts = Counts::default();
            samples.take(Sample { at, tester, server, metrics, tcp_sockets: None, counts });
        }
        assert!(samples.kept.len() <= 3600, "{}", samples.kept.len());
        assert_eq!((samples.seconds_apart, samples.kept[0].at), (32, begin));
        let apart = samples.kept.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs());
        assert!(apart.clone().all(|seconds| seconds == 32), "{:?}", apart.collect::<Vec<_>>());
    }
}
