//! The message counters of a shard, behind its own lock.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;

/// The messages of one shard, or of all shards together. Shards share no counter, so that they do
/// not wait for one another.
#[derive(Clone, Debug, Default)]
pub(crate) struct MessageMeter {
    received: u64,
    /// The messages relayed, counted once for each receiver.
    relayed: u64,
    seconds: f64,
    /// The number of messages in each bucket of [`BOUNDS`], and of those above the last bound.
    by_time: [u64; BOUNDS.len() + 1],
}

impl MessageMeter {
    /// Counts a message that took this long from its socket to the outboxes of its receivers.
    pub(crate) fn handled(&mut self, after: Duration) {
        let seconds = after.as_secs_f64();
        self.received += 1;
        self.seconds += seconds;
        self.by_time[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
    }

    /// Counts a receiver of a relayed message.
    pub(crate) fn relayed(&mut self) {
        self.relayed += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.relayed += other.relayed;
        self.seconds += other.seconds;
        self.by_time.iter_mut().zip(other.by_time).for_each(|(sum, count)| *sum += count);
    }
}

impl Collector for MessageMeter {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut counter = |name, help, count| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(metric)
        };
        counter("messages", "Messages received from participants.", self.received)?;
        counter("relays", "Messages relayed, counted once for each receiver.", self.relayed)?;
        let bounds = BOUNDS.into_iter().chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(self.by_time).collect();
        encoder
            .encode_descriptor(
                "message",
                "Time from the socket of a sender to the outboxes of the receivers, in seconds.",
                Some(&Unit::Seconds),
                MetricType::Histogram,
            )?
            .encode_histogram::<NoLabelSet>(self.seconds, self.received, &buckets, None)
    }
}

/// In seconds.
const BOUNDS: [f64; 8] =
    [0.000_004, 0.000_016, 0.000_064, 0.000_256, 0.001_024, 0.004_096, 0.016_384, 0.065_536];
