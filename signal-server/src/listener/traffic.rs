//! Counts what passes over a TCP connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When bytes last arrived over a TCP connection, and how many the system has taken from it.
///
/// A message may take long to arrive or to be written; its bytes show that the client is there.
#[derive(Debug)]
pub(crate) struct Traffic {
    opened: Instant,
    /// In milliseconds since `opened`.
    last_read: AtomicU64,
    written: AtomicU64,
}

impl Traffic {
    pub(super) fn new() -> Self {
        Self { opened: Instant::now(), last_read: AtomicU64::new(0), written: AtomicU64::new(0) }
    }

    /// When bytes last arrived.
    pub(crate) fn last_read(&self) -> Instant {
        self.opened + Duration::from_millis(self.last_read.load(Ordering::Relaxed))
    }

    /// How many bytes the system has taken to send.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn note_read(&self) {
        let since = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_read.store(since, Ordering::Relaxed);
    }

    pub(super) fn note_written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
