//! Whether the server is still there, asked when there is reason to doubt it.

use std::time::{Duration, Instant};

/// At most one question, and until when something has to come.
///
/// A network that goes away takes the signaling connection with it without a word; the socket alone would notice after a
/// minute. Media notices within seconds.
#[derive(Debug, Default)]
pub(super) struct Probe {
    due: Option<Instant>,
}

impl Probe {
    /// Whether to ask, which is so unless there is a question already.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let is_new = self.due.is_none();
        self.due.get_or_insert(now + PATIENCE);
        is_new
    }

    /// Something came from the server, or there is no connection to it that could be doubted.
    pub(super) fn end(&mut self) {
        self.due = None;
    }

    /// Whether nothing came in time; told once.
    pub(super) fn has_failed(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
