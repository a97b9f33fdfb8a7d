//! The recording that a run replays.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::scenario::Shape;

/// A recording. Two that are equal have the same rooms, arrivals and departures.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Replayed {
    pub(super) stays: u64,
    /// The most participants that a room has at once.
    pub(super) largest_room: u64,
    /// The hash of its stays.
    sha256: String,
}

impl Replayed {
    pub(super) fn new(shape: &Shape) -> Self {
        let hash = Sha256::digest(shape.to_string());
        Self {
            stays: shape.stays().len() as u64,
            largest_room: shape.sizes().into_iter().max().unwrap_or(0) as u64,
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::measure::recorder::Recorder;
    use crate::report::Report;
    use crate::report::example::report;

    #[test]
    fn runs_that_replay_different_recordings_measure_different_things() {
        let begin = Instant::now();
        let run = |recording: &str| {
            let mut report = report(Recorder::new(begin, begin), begin, 2);
            report.settings.replay = Some(Replayed::new(&recording.parse().unwrap()));
            report
        };
        let (one, other) = (run("0,0,5\n0,1,\n"), run("0,0,5\n0,2,\n"));
        assert!(one.unlike(&run("# the same\n7,3,8\n7,4,")).is_empty());
        assert_eq!(one.unlike(&other), ["replay"]);
        let told = Report::merge(vec![one, other]).unwrap_err().to_string();
        assert!(told.contains("differ in replay"), "{told}");
    }
}
