//! The verdict on a run, and its reasons.

use super::{Failure, Report};
use crate::objectives::slo::{Counter, Objectives, Samples};
use crate::objectives::verdict::Verdict;
use crate::scenario::Depth;

impl Report {
    pub(super) fn judge(&mut self, objectives: &Objectives, allows_invalid: bool) {
        let samples = |kind| {
            let details = self.latencies.get(&kind)?;
            Some(Samples { histogram: &details.histogram, missing: details.missing() })
        };
        let count = |counter| self.count(counter);
        let judged = objectives.0.iter().map(|objective| objective.judge(samples, count));
        self.objectives = judged.collect();
        let is_invalid = !self.tester.reasons.is_empty() && !allows_invalid;
        let broken = self.broken();
        let missed: Vec<String> = self
            .objectives
            .iter()
            .filter(|held| !held.held)
            .map(|held| match held.value {
                Some(value) => format!("{} was not held: {value:.3}", held.objective),
                None => format!("{} was not held: nothing was measured", held.objective),
            })
            .collect();
        self.verdict = if self.server_gone_at_seconds.is_some() {
            Verdict::Broken
        } else if is_invalid {
            Verdict::Invalid
        } else if !broken.is_empty() {
            Verdict::Broken
        } else if !missed.is_empty() {
            Verdict::Missed
        } else {
            Verdict::Held
        };
        let invalid = self.tester.reasons.iter().filter(|_| is_invalid).cloned();
        self.reasons = match self.verdict {
            Verdict::Held => Vec::new(),
            Verdict::Broken => broken.into_iter().chain(missed).chain(invalid).collect(),
            Verdict::Invalid => invalid.chain(broken).chain(missed).collect(),
            Verdict::Missed => missed,
        };
    }

    /// The resource that the tester's machine ran out of, from the failures.
    pub(super) fn exhaustion(&self) -> Option<String> {
        // EMFILE and EADDRNOTAVAIL.
        let errors = [("os error 24", "open files"), ("os error 99", "local ports")];
        errors.into_iter().find_map(|(error, what)| {
            let cause = self.causes().find(|cause| cause.contains(error))?;
            Some(format!("it ran out of {what}: {cause}"))
        })
    }

    /// The failures that count independent of the objectives.
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if let Some(seconds) = self.server_gone_at_seconds {
            broken.push(format!(
                "the server was gone from {seconds:.1} s on; nobody had a signaling socket any more"
            ));
        }
        let everybody =
            [self.participants, self.connections].iter().all(|count| count.reached >= count.wanted);
        if !everybody || self.silent_connections > 0 {
            broken.push(match self.settings.scenario.depth {
                Depth::Media => {
                    "not everybody was connected to everybody and received its media".into()
                }
                Depth::Signaling => "not everybody was connected to everybody".into(),
            });
        }
        if !self.losses.is_empty() {
            broken.push("not everything that was there stayed until the end".into());
        }
        if self.relayed.lost > 0 {
            broken.push("relayed messages were lost".into());
        }
        let missing = self.missing();
        if missing > 0 {
            broken.push(format!("{missing} steps were planned and never answered"));
        }
        for Failure { cause, count } in &self.failures {
            broken.push(format!("{count} × {cause}"));
        }
        broken
    }

    /// How many steps of all kinds were never answered. Marked frames are packets that networks
    /// lose.
    pub(super) fn missing(&self) -> u64 {
        let steps = self.latencies.iter().filter(|(kind, _)| !kind.is_of_frames());
        steps.map(|(_, details)| details.missing()).sum()
    }

    fn count(&self, counter: Counter) -> f64 {
        match counter {
            Counter::Failed => {
                self.failures.iter().map(|failure| failure.count).sum::<u64>() as f64
            }
            Counter::Loss => self.packets.missing() as f64 / self.packets.planned.max(1) as f64,
            Counter::Lost => self.losses.values().map(|losses| losses.lost).sum::<u64>() as f64,
            Counter::Missing => {
                let steps = self.latency_ms.iter().filter(|(kind, _)| !kind.is_of_frames());
                let planned: u64 = steps.map(|(_, told)| told.count).sum();
                self.missing() as f64 / planned.max(1) as f64
            }
            Counter::Silent => self.silent_connections as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::measure::latency_kind::Kind;
    use crate::measure::recorder::{Fate, Recorder, Step};
    use crate::measure::stream::StreamKind;
    use crate::report::example::report;

    #[test]
    fn marked_frames_do_not_dilute_the_share_of_missing_steps() {
        let begin = Instant::now();
        let recorder = Recorder::new(begin, begin);
        let step = Step { intended: begin, started: begin, ended: begin + Duration::from_secs(1) };
        recorder.answered(Kind::Relay, step);
        recorder.unanswered(Kind::Relay, begin, Fate::Lost, begin + Duration::from_secs(2));
        for _ in 0..98 {
            recorder.answered(Kind::of_frames(StreamKind::Video), step);
        }
        let report = report(recorder, begin, 2);
        assert_eq!(report.count(Counter::Missing), 0.5);
    }
}
