//! A ping that checks whether the server still responds.

use std::time::{Duration, Instant};

/// The deadline for a message of the server.
///
/// A network failure may silently break the signaling connection. The socket alone notices it after
/// a minute, media within seconds.
#[derive(Debug, Default)]
pub(super) struct Probe {
    due: Option<Instant>,
}

impl Probe {
    /// Starts a probe; `false` if there is one already.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let is_new = self.due.is_none();
        self.due.get_or_insert(now + PATIENCE);
        is_new
    }

    /// Ends the probe, since the server has sent something or the signaling connection is gone.
    pub(super) fn end(&mut self) {
        self.due = None;
    }

    /// Whether nothing arrived in time; `true` once.
    pub(super) fn has_failed(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
