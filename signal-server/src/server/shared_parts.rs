//! What the parts of a server share from the start.

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::supervision::Supervisor;

/// What the parts of a server are built on.
#[derive(Clone)]
pub(super) struct SharedParts {
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) supervisor: Supervisor,
}

impl SharedParts {
    pub(super) fn new() -> Self {
        let (clock, metrics) = (Clock::start(), Metrics::new());
        Self { clock, metrics, supervisor: Supervisor::new() }
    }
}
