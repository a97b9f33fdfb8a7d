//! Metrics for Prometheus, in the OpenMetrics text format.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::process::Process;
#[cfg(feature = "webhooks")]
use super::{AttemptResult, EventOutcome};
use super::{Counts, MessageMeter};

/// All metrics. Clones share their values. No metric has a label for a room or participant, since
/// the number of label values would be unbounded.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    rooms: Gauge,
    participants: Gauge,
    connections: Gauge,
    queued: Gauge,
    refusals: Family<RefusalLabels, Counter>,
    refused_tokens: Family<RefusedTokenLabels, Counter>,
    #[cfg(feature = "tls")]
    failed_handshakes: Family<FailedHandshakeLabels, Counter>,
    requests: Family<RequestLabels, Histogram>,
    saving: Histogram,
    webhook_queue: Gauge,
    webhook_attempts: Family<AttemptLabels, Counter>,
    webhook_events: Family<EventLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RefusalLabels {
    setting: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RefusedTokenLabels {
    reason: &'static str,
}

#[cfg(feature = "tls")]
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct FailedHandshakeLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct AttemptLabels {
    result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct EventLabels {
    outcome: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            rooms: Gauge::default(),
            participants: Gauge::default(),
            connections: Gauge::default(),
            queued: Gauge::default(),
            refusals: Family::default(),
            refused_tokens: Family::default(),
            #[cfg(feature = "tls")]
            failed_handshakes: Family::default(),
            requests: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 4.0, 8))
            }),
            saving: Histogram::new(exponential_buckets(0.001, 2.0, 12)),
            webhook_queue: Gauge::default(),
            webhook_attempts: Family::default(),
            webhook_events: Family::default(),
        }
    }

    /// Exports a limit as zero before it is reached for the first time.
    pub(crate) fn limit_at_zero(&self, setting: &'static str) {
        let _ = self.refusals.get_or_create(&RefusalLabels { setting });
    }

    /// Counts a refusal because of a limit, by the name of its setting.
    pub(crate) fn refused(&self, setting: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { setting }).inc();
    }

    /// Counts a refused token, by the check that it did not pass.
    pub(crate) fn refused_token(&self, reason: &'static str) {
        self.refused_tokens.get_or_create(&RefusedTokenLabels { reason }).inc();
    }

    /// Counts a connection without TLS because of a failed handshake, by the reason.
    #[cfg(feature = "tls")]
    pub(crate) fn failed_handshake(&self, reason: &'static str) {
        self.failed_handshakes.get_or_create(&FailedHandshakeLabels { reason }).inc();
    }

    /// Records how long a request took. `route` is the pattern, not the path.
    pub(crate) fn answered(&self, route: &str, status: u16, after: Duration) {
        let labels = RequestLabels { route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(after.as_secs_f64());
    }

    /// Records how long it took to save a batch of changes.
    pub(crate) fn saved(&self, after: Duration) {
        self.saving.observe(after.as_secs_f64());
    }

    /// Counts an event that waits for webhooks.
    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_queued(&self) {
        self.webhook_queue.inc();
    }

    /// Counts an event that waits no longer.
    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_unqueued(&self) {
        self.webhook_queue.dec();
    }

    /// Counts an attempt to send an event to a webhook.
    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_attempt(&self, result: AttemptResult) {
        self.webhook_attempts.get_or_create(&AttemptLabels { result: result.as_str() }).inc();
    }

    /// Counts an event for webhooks whose fate is settled.
    #[cfg(feature = "webhooks")]
    pub(crate) fn webhook_event(&self, outcome: EventOutcome) {
        self.webhook_events.get_or_create(&EventLabels { outcome: outcome.as_str() }).inc();
    }

    /// Encodes all metrics in the OpenMetrics text format.
    pub(crate) fn encode(
        &self,
        counts: Counts,
        queued_bytes: usize,
        messages: MessageMeter,
    ) -> String {
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.rooms.set(gauge(counts.rooms));
        self.participants.set(gauge(counts.participants));
        self.connections.set(counts.connections.into());
        self.queued.set(gauge(queued_bytes));
        let mut registry = Registry::with_prefix("signal");
        registry.register("rooms", "Open rooms", self.rooms.clone());
        registry.register("participants", "Connected participants", self.participants.clone());
        registry.register("connections", "TCP connections", self.connections.clone());
        registry.register_with_unit(
            "queued",
            "Bytes queued for sockets",
            Unit::Bytes,
            self.queued.clone(),
        );
        registry.register_collector(Box::new(messages));
        registry.register(
            "refusals",
            "Refusals because of a limit, by the setting of the limit",
            self.refusals.clone(),
        );
        registry.register(
            "refused_tokens",
            "Refused access tokens and ws tokens, by the reason",
            self.refused_tokens.clone(),
        );
        #[cfg(feature = "tls")]
        registry.register(
            "failed_handshakes",
            "TLS handshakes that failed, by the reason",
            self.failed_handshakes.clone(),
        );
        let requests = self.requests.clone();
        registry.register_with_unit(
            "request",
            "Time to answer a request, in seconds",
            Unit::Seconds,
            requests,
        );
        registry.register_with_unit(
            "save",
            "Time of one commit to disk, in seconds",
            Unit::Seconds,
            self.saving.clone(),
        );
        registry.register(
            "webhook_queue",
            "Events that wait to be sent to the webhook",
            self.webhook_queue.clone(),
        );
        registry.register(
            "webhook_attempts",
            "Attempts to send an event to the webhook, by the result",
            self.webhook_attempts.clone(),
        );
        registry.register(
            "webhook_events",
            "Events that have left the queue for the webhook, by the outcome",
            self.webhook_events.clone(),
        );
        let mut of_process = Registry::default();
        of_process.register_collector(Box::new(Process));
        let mut encoded = String::new();
        text::encode_registry(&mut encoded, &of_process).expect("writing to a string cannot fail");
        text::encode(&mut encoded, &registry).expect("writing to a string cannot fail");
        encoded
    }
}

/// The media type of the encoded metrics.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
