//! Watches the resources of the tester and the server during a run, and the lateness of the tester.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::board::{Board, Counts};
use crate::latency::micros;
use crate::server_metrics::{MESSAGES, MetricsSource, ServerMetrics};
use crate::usage::{self, Usage, share};

/// A watcher that runs.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    sampling: JoinHandle<Vec<Sample>>,
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
    /// One for each second, the first before the start and the last at the end.
    pub(crate) samples: Vec<Sample>,
    /// By how many microseconds tasks of this process ran too late.
    pub(crate) lag: Histogram<u64>,
    /// Whether the server is known to run on this machine.
    pub(crate) is_server_here: bool,
}

struct Shared {
    stops: AtomicBool,
    lag: Mutex<Histogram<u64>>,
    load: Mutex<Load>,
}

impl Watcher {
    /// Starts to watch, from within the runtime whose tasks are to be watched.
    pub(crate) fn start(board: Arc<Board>, server: ServerSources) -> std::io::Result<Self> {
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
            .spawn(move || sample_all(&board, &server, &of_sampler))?;
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
        let lag = self.shared.lag.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Watched { samples, lag, is_server_here: self.is_server_here }
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

fn sample_all(board: &Board, server: &ServerSources, shared: &Shared) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    let mut due = Instant::now();
    loop {
        let sample = sample(board, server);
        if let Some(before) = samples.last() {
            let load = Load::between(before, &sample);
            *shared.load.lock().unwrap_or_else(PoisonError::into_inner) = load;
        }
        samples.push(sample);
        if shared.stops.load(Ordering::Relaxed) {
            return samples;
        }
        due += SECOND;
        thread::park_timeout(due.saturating_duration_since(Instant::now()));
    }
}

fn sample(board: &Board, server: &ServerSources) -> Sample {
    let (at, tester, counts) = (Instant::now(), Usage::of(None), board.counts());
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
