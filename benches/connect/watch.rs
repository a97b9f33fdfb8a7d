//! Measures what the connections of this process use.

use std::process;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::usage::Usage;

/// The usage of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerConnection {
    /// Processor time in a second.
    pub(crate) processor: Duration,
    /// Voluntary context switches in a second.
    pub(crate) sleeps: f64,
    /// Memory in bytes.
    pub(crate) resident: u64,
}

/// The usage before the first connection.
pub(crate) struct Before(Usage);

impl Before {
    pub(crate) fn now() -> Self {
        Self(usage())
    }

    /// Measures for a while what each of `connections` uses.
    pub(crate) async fn watch(&self, connections: usize) -> PerConnection {
        let (begun, before) = (Instant::now(), usage());
        sleep(WATCH).await;
        let after = usage();
        let share = 1.0 / (connections as f64 * begun.elapsed().as_secs_f64());
        PerConnection {
            processor: (after.processor - before.processor).mul_f64(share),
            sleeps: (after.sleeps - before.sleeps) as f64 * share,
            resident: after.resident.saturating_sub(self.0.resident) / connections as u64,
        }
    }
}

fn usage() -> Usage {
    Usage::of(process::id())
}

const WATCH: Duration = Duration::from_secs(3);
