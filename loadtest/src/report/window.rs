//! A run second by second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::health::share;
use crate::kind::Kind;
use crate::latency::millis;
use crate::recorder::Measured;
use crate::watcher::Sample;

/// What one second was like.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Window {
    pub(super) second: u64,
    pub(super) present: u64,
    pub(super) connections: u64,
    pub(super) failed: u64,
    pub(super) tester_processors: Option<f64>,
    pub(super) server_processors: Option<f64>,
    pub(super) server_memory_bytes: Option<u64>,
    pub(super) latency_ms: BTreeMap<&'static str, WindowPercentiles>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct WindowPercentiles {
    pub(super) count: u64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

pub(super) fn windows(
    begin: Instant,
    samples: &[Sample],
    measured: &[(Kind, Measured)],
) -> Vec<Window> {
    let pairs = samples.windows(2);
    pairs
        .map(|pair| {
            let [before, after] = pair else { unreachable!("windows of two have two") };
            let time = after.at - before.at;
            let second = before.at.saturating_duration_since(begin).as_secs();
            let busy = |of: fn(&Sample) -> Option<Duration>| {
                Some(share(of(before)?, of(after)?, time)).filter(|_| !time.is_zero())
            };
            let latency_ms = measured.iter().filter_map(|(kind, measured)| {
                let window = measured.windows.get(usize::try_from(second).ok()?)?.as_ref()?;
                Some((
                    kind.name(),
                    WindowPercentiles {
                        count: window.len(),
                        p50: millis(window.value_at_quantile(0.5)),
                        p99: millis(window.value_at_quantile(0.99)),
                        max: millis(window.max()),
                    },
                ))
            });
            Window {
                second,
                present: after.counts.present,
                connections: after.counts.connected,
                failed: after.counts.failed,
                tester_processors: busy(|sample| Some(sample.tester.as_ref()?.processor)),
                server_processors: busy(|sample| Some(sample.server.as_ref()?.processor)),
                server_memory_bytes: after.server.as_ref().map(|usage| usage.memory),
                latency_ms: latency_ms.collect(),
            }
        })
        .collect()
}
