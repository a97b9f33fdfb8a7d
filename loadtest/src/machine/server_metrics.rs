//! The Prometheus metrics of the server under test.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;
use url::Url;

use crate::machine::usage::Usage;
use crate::network::{Network, SocketError};

/// Where a server serves its metrics.
#[derive(Clone, Debug)]
pub(crate) struct MetricsSource {
    url: Url,
    network: Network,
}

/// The metrics of a server at one moment: those of signal-server, and those that most servers have
/// of their process.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerMetrics(BTreeMap<String, f64>);

/// There are no metrics.
#[derive(Debug, Error)]
pub(crate) enum MetricsError {
    #[error("expected an address like http://127.0.0.1:8081/metrics")]
    Address,
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("there are no metrics of signal-server")]
    Unknown,
}

impl MetricsSource {
    /// The source at an address that has answered.
    pub(crate) fn open(url: &str, network: Network) -> Result<Self, MetricsError> {
        let url = Url::parse(url).map_err(|_| MetricsError::Address)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(MetricsError::Address);
        }
        let source = Self { url, network };
        let metrics = source.fetch()?;
        metrics.get(PARTICIPANTS).ok_or(MetricsError::Unknown)?;
        Ok(source)
    }

    pub(crate) fn fetch(&self) -> Result<ServerMetrics, MetricsError> {
        let text = self.network.get_blocking(&self.url, PATIENCE)?;
        Ok(ServerMetrics::parse(&text))
    }
}

impl ServerMetrics {
    /// Reads the text format of Prometheus, and that of OpenMetrics, which it contains.
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(sample).collect())
    }

    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// How often each setting was the reason for a refusal.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().filter_map(|(series, count)| {
            let setting = series.strip_prefix(REFUSALS)?.strip_suffix("\"}")?;
            Some((setting, *count))
        })
    }

    /// The usage of the process, if the server reports it.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let processor = Duration::try_from_secs_f64(self.get("process_cpu_seconds_total")?).ok()?;
        let number = |series: &str| self.get(series).map(|value| value as u64);
        Some(Usage {
            processor,
            memory: number("process_resident_memory_bytes").unwrap_or(0),
            open_files: number("process_open_fds").unwrap_or(0),
            max_files: number("process_max_fds"),
            ..Usage::default()
        })
    }
}

/// A series with its value, if it is one of those that are used.
fn sample(line: &str) -> Option<(String, f64)> {
    if !["signal_", "process_"].iter().any(|prefix| line.starts_with(prefix)) {
        return None;
    }
    // An exemplar may follow the value.
    let line = line.split(" # ").next()?;
    let name_end = match line.rfind('}') {
        Some(brace) => brace + 1,
        None => line.find(' ')?,
    };
    let (series, rest) = line.split_at(name_end);
    if series.contains("_bucket{") {
        return None;
    }
    let value = rest.split_whitespace().next()?.parse::<f64>().ok()?;
    Some((series.to_owned(), value))
}

pub(crate) const MESSAGES: &str = "signal_messages_total";
pub(crate) const RELAYS: &str = "signal_relays_total";
pub(crate) const PARTICIPANTS: &str = "signal_participants";
pub(crate) const CONNECTIONS: &str = "signal_connections";
pub(crate) const QUEUED: &str = "signal_queued_bytes";
pub(crate) const HANDLING: &str = "signal_message_seconds_sum";
const REFUSALS: &str = "signal_refusals_total{setting=\"";
/// A server that does not answer is asked again a second later.
const PATIENCE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_serves_for_prometheus_is_read() {
        let metrics = ServerMetrics::parse(
            "# HELP signal_participants Connected participants.\n\
             # TYPE signal_participants gauge\n\
             signal_participants 12\n\
             signal_messages_total 625 # {trace=\"x\"} 1\n\
             signal_message_seconds_sum 0.02284\n\
             signal_message_seconds_bucket{le=\"0.1\"} 625\n\
             signal_refusals_total{setting=\"joins-per-minute\"} 3 1700000000\n\
             signal_refusals_total{setting=\"messages-per-second, bytes-per-second\"} 0\n\
             process_cpu_seconds_total 1.5\nprocess_max_fds 20000\nother 1\n# EOF\n",
        );
        assert_eq!(metrics.get(PARTICIPANTS), Some(12.0));
        assert_eq!((metrics.get(MESSAGES), metrics.get(HANDLING)), (Some(625.0), Some(0.02284)));
        let refusals: Vec<_> = metrics.refusals().collect();
        let expected = [("joins-per-minute", 3.0), ("messages-per-second, bytes-per-second", 0.0)];
        assert_eq!(refusals, expected);
        let usage = metrics.usage().unwrap();
        assert_eq!((usage.processor.as_millis(), usage.max_files), (1500, Some(20_000)));
    }

    #[test]
    fn what_is_no_metric_is_left_out() {
        for wrong in ["", "signal_rooms", "signal_rooms x", "signal_rooms}", "<html>"] {
            assert!(ServerMetrics::parse(wrong).0.is_empty(), "{wrong}");
        }
    }
}
