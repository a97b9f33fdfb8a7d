//! What is measured during a run: latencies by kind and phase, losses, and counts.

pub(crate) mod hdr;
pub(crate) mod latency;
pub(crate) mod latency_kind;
pub(crate) mod live_counts;
pub(crate) mod loss;
pub(crate) mod phase;
pub(crate) mod recorder;
pub(crate) mod sparse_histogram;
pub(crate) mod stream;
pub(crate) mod timeline;
