//! Counts the bytes of a TCP connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When bytes last arrived over a TCP connection, and how many the system has taken from it.
///
/// A message may take long to arrive or to be written; its bytes show that the client is alive.
#[derive(Debug)]
pub(crate) struct Traffic {
    opened: Instant,
    /// In milliseconds since `opened`.
    last_read: AtomicU64,
    written: AtomicU64,
    /// Whether a line of the request's head ended in a line feed alone.
    has_bare_line_feed: AtomicBool,
}

impl Traffic {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            last_read: AtomicU64::new(0),
            written: AtomicU64::new(0),
            has_bare_line_feed: AtomicBool::new(false),
        }
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

    pub(super) fn has_bare_line_feed(&self) -> bool {
        self.has_bare_line_feed.load(Ordering::Relaxed)
    }

    pub(super) fn note_bare_line_feed(&self) {
        self.has_bare_line_feed.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
