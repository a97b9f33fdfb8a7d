//! Counts how often each limit was reached, for the metrics and the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Limit;
use crate::metrics::Metrics;

/// Counts refusals in the metrics, and logs them at most once a second for each setting.
#[derive(Debug)]
pub(crate) struct LimitCounters {
    metrics: Metrics,
    reported: [Mutex<Reported>; Limit::ALL.len()],
}

/// When a limit was last logged, and how many refusals were not logged since.
#[derive(Debug, Default)]
struct Reported {
    at: Option<Instant>,
    unreported: u64,
}

impl LimitCounters {
    pub(crate) fn new(metrics: Metrics) -> Self {
        // Alerts on an increase need a series that starts at zero.
        for limit in Limit::ALL {
            metrics.limit_at_zero(limit.setting());
        }
        Self { metrics, reported: Default::default() }
    }

    pub(crate) fn count(&self, limit: Limit) {
        self.metrics.refused(limit.setting());
        if let Some(refused) = self.due(limit) {
            tracing::warn!(setting = limit.setting(), refused, "over a limit");
        }
    }

    /// Counts a refusal for the log. Returns the number to log if a line is due.
    fn due(&self, limit: Limit) -> Option<u64> {
        // A panic under the lock cannot leave the contents half changed.
        let mut reported =
            self.reported[limit as usize].lock().unwrap_or_else(PoisonError::into_inner);
        reported.unreported += 1;
        let is_due = reported.at.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        is_due.then(|| {
            let refused = reported.unreported;
            *reported = Reported { at: Some(Instant::now()), unreported: 0 };
            refused
        })
    }
}

const REPORT_EVERY: Duration = Duration::from_secs(1);
