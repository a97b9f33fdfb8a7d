//! What a run cost the server.

use std::time::Duration;

use serde::Serialize;

use crate::health::share;
use crate::watcher::Sample;

/// What the process of the server used.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ServerUse {
    pub(crate) processors: f64,
    pub(crate) busiest_processors: f64,
    pub(crate) processor_seconds: f64,
    pub(crate) memory_bytes: u64,
    /// What it took more than before anybody came.
    pub(crate) memory_grown_bytes: u64,
    pub(crate) open_files: u64,
}

impl ServerUse {
    pub(super) fn new(samples: &[Sample]) -> Option<Self> {
        let of_server: Vec<_> = samples
            .iter()
            .filter_map(|sample| Some((sample.at, sample.server.as_ref()?)))
            .collect();
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
            memory_bytes: memory,
            memory_grown_bytes: memory.saturating_sub(before.memory),
            open_files: of_server.iter().map(|(_, usage)| usage.open_files).max()?,
        })
    }
}
