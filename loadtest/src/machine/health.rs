//! Whether the tester kept up, or was itself the limit.

use std::collections::BTreeMap;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::machine::usage::{self, Usage, share};
use crate::machine::watcher::{Sample, Watched};
use crate::measure::latency::millis;
use crate::span::Span;

/// The bounds on the tester's use of the machine beyond which a run is invalid.
#[derive(Args, Clone, Copy, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Validity")]
pub(crate) struct Bounds {
    /// Maximum lateness of the tester's tasks, at the 99th percentile
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    pub(crate) max_lag: Span,

    /// Maximum share of all processors that the tester may use for ten seconds
    #[arg(long, value_name = "PERCENT", default_value_t = 90,
        value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) max_processor: u8,

    /// Maximum share of packets that the tester may be too late to send
    #[arg(long, value_name = "PERCENT", default_value_t = 5,
        value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) max_unsent: u8,

    /// Report a run even if the tester was the limit
    #[arg(long)]
    pub(crate) allow_invalid: bool,
}

/// The load of the tester.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Health {
    /// The lateness of tasks.
    pub(crate) lag_ms: Lag,
    /// The processors that the process used, on average and in its busiest second.
    pub(crate) processors: f64,
    pub(crate) busiest_processors: f64,
    /// The processors for which its threads waited, on average.
    pub(crate) waited_for: f64,
    /// The same by thread group.
    pub(crate) processors_by_thread: BTreeMap<String, f64>,
    pub(crate) memory_bytes: u64,
    pub(crate) open_files: u64,
    /// The maximum number of TCP sockets of its machine; `None` if it is not known.
    #[serde(default)]
    pub(crate) tcp_sockets: Option<u64>,
    /// Why the figures do not describe the server.
    pub(crate) reasons: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Lag {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Health {
    pub(crate) fn new(watched: &Watched, bounds: Bounds) -> Self {
        let lag = |quantile| millis(watched.lag.value_at_quantile(quantile));
        let lag_ms = Lag { p50: lag(0.5), p99: lag(0.99), max: millis(watched.lag.max()) };
        let mut health = Self { lag_ms, ..Self::default() };
        let samples: Vec<(&Sample, &Usage)> =
            watched.samples.iter().filter_map(|s| Some((s, s.tester.as_ref()?))).collect();
        if let (Some((first, before)), Some((last, after))) = (samples.first(), samples.last()) {
            let time = last.at - first.at;
            health.processors = share(before.processor, after.processor, time);
            health.waited_for = share(before.waited, after.waited, time);
            let threads = after.threads.iter().map(|(name, used)| {
                let before = before.threads.get(name).copied().unwrap_or_default();
                (name.clone(), share(before, *used, time))
            });
            health.processors_by_thread = threads.collect();
            health.memory_bytes = samples.iter().map(|(_, usage)| usage.memory).max().unwrap_or(0);
            health.open_files =
                samples.iter().map(|(_, usage)| usage.open_files).max().unwrap_or(0);
            health.tcp_sockets = samples.iter().filter_map(|(s, _)| s.tcp_sockets).max();
        }
        let busiest = samples.windows(2).map(|pair| {
            let time = pair[1].0.at - pair[0].0.at;
            // The last sample may follow at once.
            if time < LEAST { 0.0 } else { share(pair[0].1.processor, pair[1].1.processor, time) }
        });
        health.busiest_processors = busiest.fold(0.0, f64::max);
        let sustained = sustained(&samples).unwrap_or(health.processors);
        health.reasons = health.judge(sustained, bounds);
        health
    }

    /// `sustained` is the use of processors in the busiest ten seconds, since a ramp that leaves
    /// them idle does not show the load after it.
    fn judge(&self, sustained: f64, bounds: Bounds) -> Vec<String> {
        let mut reasons = Vec::new();
        let max_lag = bounds.max_lag.0.as_secs_f64() * 1000.0;
        if self.lag_ms.p99 > max_lag {
            let p99 = self.lag_ms.p99;
            reasons.push(format!("tasks ran late, by {p99:.0} ms at p99 (--max-lag {max_lag} ms)"));
        }
        let cores = available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let allowed = cores * f64::from(bounds.max_processor) / 100.0;
        if sustained > allowed {
            reasons.push(format!(
                "the tester kept {sustained:.1} of {cores} processors busy (--max-processor {} %)",
                bounds.max_processor
            ));
        }
        if self.waited_for > self.processors.max(LEAST_WAITING) {
            reasons.push(format!(
                "its threads waited for processors longer than they ran, for {:.1} of them",
                self.waited_for
            ));
        }
        if usage::available_memory().is_some_and(|left| left < self.memory_bytes / 10) {
            reasons.push("the memory of the machine was nearly full".into());
        }
        reasons
    }
}

/// The processors in use in the busiest stretch; `None` if the run was shorter than that.
fn sustained(samples: &[(&Sample, &Usage)]) -> Option<f64> {
    let stretches = samples.iter().enumerate().filter_map(|(first, (begin, before))| {
        let (end, after) =
            samples[first..].iter().find(|(sample, _)| sample.at - begin.at >= STRETCH)?;
        Some(share(before.processor, after.processor, end.at - begin.at))
    });
    stretches.reduce(f64::max)
}

const STRETCH: Duration = Duration::from_secs(10);
const LEAST: Duration = Duration::from_millis(100);
/// Waiting for less than half a processor is no shortage.
pub(crate) const LEAST_WAITING: f64 = 0.5;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hdrhistogram::Histogram;

    use super::*;
    use crate::measure::live_counts::Counts;

    /// A sample each second.
    fn watched(late: u64, samples: &[(Duration, Duration)]) -> Watched {
        let mut lag = Histogram::new(2).unwrap();
        lag.auto(true);
        lag.record(late).unwrap();
        let begin = Instant::now();
        let sample = |(second, &(processor, waited))| Sample {
            at: begin + Duration::from_secs(second),
            tester: Some(Usage { processor, waited, ..Usage::default() }),
            server: None,
            metrics: None,
            tcp_sockets: None,
            counts: Counts::default(),
        };
        let samples = (0..).zip(samples).map(sample).collect();
        Watched { samples, seconds_apart: 1, lag, is_server_here: false }
    }

    fn bounds() -> Bounds {
        Bounds {
            max_lag: "100ms".parse().unwrap(),
            max_processor: 90,
            max_unsent: 5,
            allow_invalid: false,
        }
    }

    #[test]
    fn an_overloaded_tester_says_what_it_lacked() {
        let bounds = bounds();
        let reasons = |late, used: [Duration; 2], waited: [Duration; 2]| {
            let samples = [(used[0], waited[0]), (used[1], waited[1])];
            Health::new(&watched(late, &samples), bounds).reasons
        };
        let (none, much) = ([Duration::ZERO; 2], [Duration::ZERO, Duration::from_secs(1000)]);
        assert_eq!(reasons(1000, none, none), [""; 0]);
        assert!(reasons(150_000, none, none)[0].contains("late"));
        assert!(reasons(1000, much, none)[0].contains("processors busy"));
        assert!(reasons(1000, none, much)[0].contains("waited"));
    }

    #[test]
    fn a_tester_that_was_idle_at_first_is_judged_by_what_came_after() {
        let cores = u32::try_from(available_parallelism().unwrap().get()).unwrap();
        let mut used = Duration::ZERO;
        let samples: Vec<_> = (0..60)
            .map(|second| {
                used += if second < 45 { Duration::ZERO } else { Duration::from_secs(1) * cores };
                (used, Duration::ZERO)
            })
            .collect();
        let bounds = bounds();
        let health = Health::new(&watched(1000, &samples), bounds);
        assert!(health.processors < 0.3 * f64::from(cores));
        assert!(health.reasons[0].contains("processors busy"), "{:?}", health.reasons);
        let calm = Health::new(&watched(1000, &samples[..50]), bounds);
        assert_eq!(calm.reasons, [""; 0], "five busy seconds are no ten");
    }
}
