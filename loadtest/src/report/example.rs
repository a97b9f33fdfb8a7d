//! A report to test with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::{Report, RunSettings};
use crate::machine::health::Bounds;
use crate::machine::watcher::{Sample, Watched};
use crate::measure::live_counts::Counts;
use crate::measure::loss::AllLosses;
use crate::measure::recorder::Recorder;
use crate::participants::media::Quality;
use crate::run::{Count, Criteria, Outcome, Relayed, Times};
use crate::scenario::{Arrivals, Scenario, ScenarioSettings};

/// The report of a run of ten seconds that has no failures except those in the recorder.
pub(crate) fn report(recorder: Recorder, begin: Instant, participants: u64) -> Report {
    let count = Count { wanted: participants, reached: participants };
    let second = Duration::from_secs(1);
    let held = begin + second;
    let sample = |index| Sample {
        at: begin + second * index,
        tester: None,
        server: None,
        metrics: None,
        tcp_sockets: None,
        counts: Counts::default(),
    };
    let samples = (0..12).map(sample).collect();
    let outcome = Outcome {
        recorder: Arc::new(recorder),
        times: Times { begin, first_join: begin, filled: held, held, end: begin + 10 * second },
        participants: count,
        connections: count,
        silent: 0,
        quality: Quality::default(),
        losses: AllLosses::default(),
        relayed: Relayed { planned: 9, sent: 9, lost: 0, broken_at: None },
        watched: Watched {
            samples,
            seconds_apart: 1,
            lag: Histogram::new(2).unwrap(),
            is_server_here: false,
        },
        interrupted: false,
    };
    let bounds = Bounds {
        max_lag: "1s".parse().unwrap(),
        max_processor: 90,
        max_unsent: 5,
        allow_invalid: false,
    };
    let objectives = "relay.p99<1s, relay.missing=0".parse().unwrap();
    let mut scenario = Scenario::new(&ScenarioSettings::default(), None).unwrap();
    scenario.rooms = u32::try_from(participants).unwrap();
    scenario.rate = Arrivals::Constant(participants as f64);
    scenario.create_rate = participants as f64;
    Report::new(&outcome, &Criteria { objectives, bounds }, RunSettings::new(&scenario, "x"))
}
