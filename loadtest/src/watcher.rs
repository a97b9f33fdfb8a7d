//! Watches the tester and the server while a run goes on: what they use, and how late the tester is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::board::{Board, Counts};
use crate::latency::micros;
use crate::usage::Usage;

/// A watcher that runs.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    sampling: JoinHandle<Vec<Sample>>,
    ticking: AbortHandle,
}

/// The state at one time.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    pub(crate) tester: Option<Usage>,
    pub(crate) server: Option<Usage>,
    pub(crate) counts: Counts,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// One for each second, the first before the start and the last at the end.
    pub(crate) samples: Vec<Sample>,
    /// By how many microseconds tasks of this process ran too late.
    pub(crate) lag: Histogram<u64>,
}

struct Shared {
    stops: AtomicBool,
    lag: Mutex<Histogram<u64>>,
}

impl Watcher {
    /// Starts to watch, from within the runtime whose tasks are to be watched.
    pub(crate) fn start(board: Arc<Board>, server: Option<u32>) -> std::io::Result<Self> {
        let mut lag = Histogram::new(2).expect("two digits are within what it takes");
        lag.auto(true);
        let shared = Arc::new(Shared { stops: AtomicBool::new(false), lag: Mutex::new(lag) });
        let of_sampler = Arc::clone(&shared);
        let sampling = thread::Builder::new()
            .name("watcher".into())
            .spawn(move || sample_all(&board, server, &of_sampler))?;
        let ticking = tokio::spawn(tick(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, sampling, ticking })
    }

    pub(crate) fn finish(self) -> Watched {
        self.shared.stops.store(true, Ordering::Relaxed);
        self.sampling.thread().unpark();
        self.ticking.abort();
        // Without samples, nothing is said about the machine.
        let samples = self.sampling.join().unwrap_or_default();
        let lag = self.shared.lag.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Watched { samples, lag }
    }
}

fn sample_all(board: &Board, server: Option<u32>, shared: &Shared) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut due = Instant::now();
    loop {
        samples.push(Sample {
            at: Instant::now(),
            tester: Usage::of(None),
            server: server.and_then(|server| Usage::of(Some(server))),
            counts: board.counts(),
        });
        if shared.stops.load(Ordering::Relaxed) {
            return samples;
        }
        due += SECOND;
        thread::park_timeout(due.saturating_duration_since(Instant::now()));
    }
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
