//! What is wrong for a while, and is logged once a minute.

use std::time::Duration;

use tokio::time::Instant;

/// Something that keeps happening while a receiver is out of order, and is logged once a minute.
#[derive(Debug, Default)]
pub(super) struct Outage {
    logged_at: Option<Instant>,
}

impl Outage {
    pub(super) fn is_to_be_logged(&mut self, now: Instant) -> bool {
        let is_new = self.logged_at.is_none_or(|at| now.saturating_duration_since(at) >= MINUTE);
        if is_new {
            self.logged_at = Some(now);
        }
        is_new
    }
}

const MINUTE: Duration = Duration::from_secs(60);
