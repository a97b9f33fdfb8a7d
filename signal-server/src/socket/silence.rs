//! How long a client has been silent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::listener::traffic::Traffic;

/// When a client was last heard, and whether a ping was sent since.
pub(super) struct Silence {
    last_message: Instant,
    /// When the first ping after the client was last heard was sent.
    pinged: Option<Instant>,
    /// Counts bytes of incomplete messages too. It is `None` if the connection belongs to a host
    /// application.
    traffic: Option<Arc<Traffic>>,
}

impl Silence {
    /// How long a client may send nothing before it is dropped.
    pub(super) const LONGEST: Duration = Duration::from_secs(45);

    pub(super) fn new(traffic: Option<Arc<Traffic>>) -> Self {
        Self { last_message: Instant::now(), pinged: None, traffic }
    }

    /// Notes that a message has come.
    pub(super) fn end(&mut self) {
        (self.last_message, self.pinged) = (Instant::now(), None);
    }

    pub(super) fn pinged(&mut self) {
        self.pinged.get_or_insert_with(Instant::now);
    }

    /// When the silence becomes too long, or `None` if it is already.
    pub(super) fn lasts_until(&mut self) -> Option<Instant> {
        let last_read = self.traffic.as_deref().map(Traffic::last_read);
        let last_heard = last_read.unwrap_or(self.last_message).max(self.last_message);
        self.pinged = self.pinged.filter(|pinged| *pinged > last_heard);
        // The time starts with a ping that was actually sent, since a busy or suspended server may
        // have sent none.
        let answer_by = self.pinged.unwrap_or_else(Instant::now) + ANSWER;
        let until = answer_by.max(last_heard + Self::LONGEST);
        (until > Instant::now()).then_some(until)
    }
}

/// The minimum time that a client has to answer a ping, which is the time between two pings.
const ANSWER: Duration = Duration::from_secs(20);
