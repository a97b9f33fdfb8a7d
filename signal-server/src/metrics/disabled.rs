//! Metrics that count nothing, for builds without the feature `metrics`.

use std::time::Duration;

#[cfg(feature = "webhooks")]
use super::{AttemptResult, EventOutcome};

/// A meter that counts nothing.
#[derive(Debug, Default)]
pub(crate) struct MessageMeter {}

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics;

impl MessageMeter {
    pub(crate) fn handled(&mut self, _: Duration) {}

    pub(crate) fn relayed(&mut self) {}
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn limit_at_zero(&self, _: &'static str) {}

    pub(crate) fn refused(&self, _: &'static str) {}

    pub(crate) fn refused_token(&self, _: &'static str) {}

    #[cfg(feature = "tls")]
    pub(crate) fn failed_handshake(&self, _: &'static str) {}

    pub(crate) fn answered(&self, _: &str, _: u16, _: Duration) {}

    pub(crate) fn saved(&self, _: Duration) {}

    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_queued(&self) {}

    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_unqueued(&self) {}

    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_attempt(&self, _: AttemptResult) {}

    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_event(&self, _: EventOutcome) {}
}
