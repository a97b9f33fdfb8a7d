//! The costs of a run for the server.

use std::collections::BTreeMap;
use std::thread::available_parallelism;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::server_metrics::{
    CONNECTIONS, HANDLING, MESSAGES, PARTICIPANTS, QUEUED, RELAYS, ServerMetrics,
};
use crate::machine::usage::{available_memory, share};
use crate::machine::watcher::{Sample, Watched};

/// The usage of the server's process.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct ServerUse {
    pub(crate) processors: f64,
    pub(crate) busiest_processors: f64,
    pub(crate) processor_seconds: f64,
    /// Processors for which its threads waited, on average; 0 where that is not known.
    #[serde(default)]
    pub(crate) waited_for: f64,
    pub(crate) memory_bytes: u64,
    /// The growth since before the first arrival.
    pub(crate) memory_grown_bytes: u64,
    pub(crate) open_files: u64,
    /// How many files it may have open.
    #[serde(default)]
    pub(crate) max_files: Option<u64>,
    /// Its machine; `None` if that is unknown.
    #[serde(default)]
    pub(crate) machine: Option<ServerMachine>,
}

/// The machine of a server.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct ServerMachine {
    pub(crate) cores: usize,
    /// The available memory in the end, if it is known.
    pub(crate) available_memory_bytes: Option<u64>,
}

/// The server's own counts during a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ServerCounts {
    /// Messages received from participants.
    pub(crate) messages: u64,
    /// Messages relayed, once for each receiver.
    pub(crate) relays: u64,
    /// The mean time to handle a message.
    pub(crate) handling_us: f64,
    pub(crate) most_participants: u64,
    pub(crate) most_connections: u64,
    pub(crate) most_queued_bytes: u64,
    /// Refusals because of a limit, by its setting.
    pub(crate) refusals: BTreeMap<String, u64>,
}

impl ServerUse {
    pub(crate) fn new(watched: &Watched) -> Option<Self> {
        let samples = watched.samples.iter();
        let of_server: Vec<_> =
            samples.filter_map(|sample| Some((sample.at, sample.server.as_ref()?))).collect();
        let ((first, before), (last, after)) = (of_server.first()?, of_server.last()?);
        let memory = of_server.iter().map(|(_, usage)| usage.memory).max()?;
        let busiest = of_server.windows(2).map(|pair| {
            let time = pair[1].0 - pair[0].0;
            // The last sample may follow at once.
            let is_short = time < Duration::from_millis(100);
            if is_short { 0.0 } else { share(pair[0].1.processor, pair[1].1.processor, time) }
        });
        Some(Self {
            processors: share(before.processor, after.processor, *last - *first),
            busiest_processors: busiest.fold(0.0, f64::max),
            processor_seconds: after.processor.saturating_sub(before.processor).as_secs_f64(),
            waited_for: share(before.waited, after.waited, *last - *first),
            memory_bytes: memory,
            memory_grown_bytes: memory.saturating_sub(before.memory),
            open_files: of_server.iter().map(|(_, usage)| usage.open_files).max()?,
            max_files: after.max_files,
            machine: watched.is_server_here.then(|| ServerMachine {
                cores: available_parallelism().map_or(1, usize::from),
                available_memory_bytes: available_memory(),
            }),
        })
    }
}

impl ServerCounts {
    pub(crate) fn new(samples: &[Sample]) -> Option<Self> {
        let metrics: Vec<&ServerMetrics> =
            samples.iter().filter_map(|sample| sample.metrics.as_ref()).collect();
        let (first, last) = (metrics.first()?, metrics.last()?);
        // A server that was restarted counts from zero again.
        let grown =
            |series| (last.get(series).unwrap_or(0.0) - first.get(series).unwrap_or(0.0)).max(0.0);
        let most = |series| metrics.iter().filter_map(|m| m.get(series)).fold(0.0, f64::max) as u64;
        let earlier: BTreeMap<&str, f64> = first.refusals().collect();
        let refusals = last.refusals().filter_map(|(setting, count)| {
            let grown = (count - earlier.get(setting).unwrap_or(&0.0)) as u64;
            (grown > 0).then(|| (setting.to_owned(), grown))
        });
        let messages = grown(MESSAGES);
        Some(Self {
            messages: messages as u64,
            relays: grown(RELAYS) as u64,
            handling_us: grown(HANDLING) * 1e6 / messages.max(1.0),
            most_participants: most(PARTICIPANTS),
            most_connections: most(CONNECTIONS),
            most_queued_bytes: most(QUEUED),
            refusals: refusals.collect(),
        })
    }

    /// The flags of signal-server that refused, with how often.
    pub(crate) fn refused_by(&self) -> Option<String> {
        let flags = self.refusals.iter().map(|(setting, count)| {
            let flags: Vec<String> = setting.split(", ").map(|name| format!("--{name}")).collect();
            format!("{} ({count} times)", flags.join(" or "))
        });
        let flags: Vec<String> = flags.collect();
        (!flags.is_empty()).then(|| flags.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::measure::live_counts::Counts;

    #[test]
    fn the_server_is_told_by_what_it_counted_during_the_run() {
        let begin = Instant::now();
        let sample = |text| Sample {
            at: begin,
            tester: None,
            server: None,
            metrics: Some(ServerMetrics::parse(text)),
            tcp_sockets: None,
            counts: Counts::default(),
        };
        let samples = [
            sample(
                "signal_messages_total 100\nsignal_message_seconds_sum 1\n\
                    signal_refusals_total{setting=\"max-open-rooms\"} 5",
            ),
            sample(
                "signal_messages_total 300\nsignal_message_seconds_sum 1.002\n\
                    signal_participants 7\nsignal_refusals_total{setting=\"max-open-rooms\"} 8\n\
                    signal_refusals_total{setting=\"joins-per-minute\"} 0",
            ),
        ];
        let counts = ServerCounts::new(&samples).unwrap();
        assert_eq!((counts.messages, counts.most_participants), (200, 7));
        assert!((counts.handling_us - 10.0).abs() < 1e-6, "{}", counts.handling_us);
        assert_eq!(counts.refused_by().unwrap(), "--max-open-rooms (3 times)");
    }
}
