//! Metrics that count nothing, for builds without the feature `metrics`.

use std::time::Duration;

/// A number that only goes up, not counted here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter;

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) messages: Counter,
    pub(crate) relays: Counter,
}

impl Counter {
    pub(crate) fn inc(&self) {}
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn limit_at_zero(&self, _: &'static str) {}

    pub(crate) fn refused(&self, _: &'static str) {}

    pub(crate) fn answered(&self, _: &str, _: u16, _: Duration) {}

    pub(crate) fn handled(&self, _: Duration) {}

    pub(crate) fn saved(&self, _: Duration) {}
}
