//! The measurements of a run: latencies by kind and time, and failures by cause.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::measure::latency::{Latencies, micros, millis};
use crate::measure::latency_kind::Kind;
use crate::measure::phase::Phase;
use crate::measure::sparse_histogram::{SparseHistogram, growing};
use crate::measure::stream::{StreamCounts, StreamKind};
use crate::measure::timeline::Timeline;
use crate::network::udp_path::Figures;

/// Takes measurements from all threads.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// When the run began.
    pub(crate) begin: Instant,
    /// Steps that were planned for an earlier time do not count.
    counts_from: Instant,
    /// When the phases after the ramp began, as far as they have.
    steady: OnceLock<Instant>,
    end: OnceLock<Instant>,
    kinds: [Mutex<Measured>; Kind::ALL.len()],
    /// Counts of received streams of each kind, by the time of the run.
    streams: [Mutex<Timeline<StreamCounts>>; StreamKind::ALL.len()],
    failures: Mutex<BTreeMap<String, u64>>,
    /// The figures of the bad networks of all participants.
    impaired: Mutex<Option<Figures>>,
}

/// The measurements of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// From the intended start. Unanswered steps are included with the time that they waited.
    pub(crate) corrected: Latencies,
    /// From the actual start, of answered steps only.
    pub(crate) raw: Latencies,
    pub(crate) lost: u64,
    pub(crate) refused: u64,
    pub(crate) unsent: u64,
    /// The corrected latencies by the time of the run at which they were measured.
    pub(crate) windows: Timeline<SparseHistogram>,
    /// The same by the phase for which they were planned.
    phases: [Option<Histogram<u64>>; Phase::MEASURED.len()],
}

/// Why something was never answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It was sent, and no answer came.
    Lost,
    /// The server or the network refused it.
    Refused,
    /// It was planned and could not be sent.
    Unsent,
}

/// The times of something that happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// When it was planned to start.
    pub(crate) intended: Instant,
    /// When it did.
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
}

impl Recorder {
    /// A recorder of a run that began now, in which the time until `counts_from` does not count.
    pub(crate) fn new(begin: Instant, counts_from: Instant) -> Self {
        Self {
            begin,
            counts_from,
            steady: OnceLock::new(),
            end: OnceLock::new(),
            kinds: std::array::from_fn(|_| Mutex::new(Measured::new())),
            streams: Default::default(),
            failures: Mutex::default(),
            impaired: Mutex::default(),
        }
    }

    /// A phase begins now.
    pub(crate) fn begin(&self, phase: Phase, now: Instant) {
        match phase {
            Phase::Steady => drop(self.steady.set(now)),
            Phase::End => drop(self.end.set(now)),
            Phase::Ramp | Phase::Over => {}
        }
    }

    pub(crate) fn answered(&self, kind: Kind, step: Step) {
        let Step { intended, started, ended } = step;
        let phase = self.phase_of(intended);
        if intended < self.counts_from {
            return;
        }
        let mut measured = self.lock(kind);
        measured.note(self.begin, ended.saturating_duration_since(intended), ended);
        measured.corrected.record(ended.saturating_duration_since(intended), ended);
        measured.count(phase, ended.saturating_duration_since(intended));
        measured.raw.record(ended.saturating_duration_since(started), ended);
    }

    /// Records a step that was not answered from its planned time until now.
    pub(crate) fn unanswered(&self, kind: Kind, intended: Instant, fate: Fate, now: Instant) {
        let phase = self.phase_of(intended);
        if intended < self.counts_from {
            return;
        }
        let mut measured = self.lock(kind);
        measured.note(self.begin, now.saturating_duration_since(intended), now);
        measured.corrected.give_up(now.saturating_duration_since(intended), now);
        measured.count(phase, now.saturating_duration_since(intended));
        match fate {
            Fate::Lost => measured.lost += 1,
            Fate::Refused => measured.refused += 1,
            Fate::Unsent => measured.unsent += 1,
        }
    }

    /// Counts a marked frame that never arrived. It is no part of the percentiles: nobody has
    /// waited for it until the end of the run.
    pub(crate) fn frame_lost(&self, kind: Kind, made: Instant) {
        if made >= self.counts_from {
            self.lock(kind).lost += 1;
        }
    }

    /// Adds the counts of a stream in a second of the run.
    pub(crate) fn streams(&self, kind: StreamKind, second: u64, counts: StreamCounts) {
        *lock(&self.streams[kind as usize]).at(second) += counts;
    }

    pub(crate) fn stream_windows(&self, kind: StreamKind) -> Timeline<StreamCounts> {
        lock(&self.streams[kind as usize]).clone()
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, cause: impl Into<String>) {
        let mut failures = lock(&self.failures);
        let cause = cause.into();
        // A cause with a number in it, an address for example, must not fill the memory.
        let known = failures.len() < MAX_CAUSES || failures.contains_key(&cause);
        let cause = if known { cause } else { "other failures".into() };
        *failures.entry(cause).or_default() += 1;
    }

    /// Adds the figures of a participant's bad network.
    pub(crate) fn impaired(&self, figures: Figures) {
        let mut sum = lock(&self.impaired);
        let Figures { carried, lost, cut, overtaken } = sum.unwrap_or_default();
        *sum = Some(Figures {
            carried: carried + figures.carried,
            lost: lost + figures.lost,
            cut: cut + figures.cut,
            overtaken: overtaken + figures.overtaken,
        });
    }

    pub(crate) fn all_impaired(&self) -> Option<Figures> {
        *lock(&self.impaired)
    }

    pub(crate) fn failures(&self) -> BTreeMap<String, u64> {
        lock(&self.failures).clone()
    }

    pub(crate) fn measured(&self, kind: Kind) -> Measured {
        self.lock(kind).clone()
    }

    /// The latency in milliseconds that a share of a kind does not exceed in the last second that
    /// is over.
    pub(crate) fn latest(&self, kind: Kind, share: f64) -> Option<f64> {
        let window = self.lock(kind).windows.last_over().filter(|w| !w.is_empty())?.to_histogram();
        Some(millis(window.value_at_quantile(share)))
    }

    fn phase_of(&self, intended: Instant) -> Phase {
        let has_come = |begin: &OnceLock<Instant>| begin.get().is_some_and(|at| intended >= *at);
        if has_come(&self.end) {
            Phase::End
        } else if has_come(&self.steady) {
            Phase::Steady
        } else {
            Phase::Ramp
        }
    }

    fn lock(&self, kind: Kind) -> MutexGuard<'_, Measured> {
        lock(&self.kinds[kind as usize])
    }
}

impl Measured {
    fn new() -> Self {
        Self {
            corrected: Latencies::new(),
            raw: Latencies::new(),
            lost: 0,
            refused: 0,
            unsent: 0,
            windows: Timeline::default(),
            phases: [const { None }; Phase::MEASURED.len()],
        }
    }

    /// The corrected latencies of steps that were planned for a phase; `None` if there were none.
    pub(crate) fn of_phase(&self, phase: Phase) -> Option<&Histogram<u64>> {
        self.phases.get(phase as usize)?.as_ref()
    }

    /// Planned steps that were never answered.
    pub(crate) fn missing(&self) -> u64 {
        self.lost + self.refused + self.unsent
    }

    fn count(&mut self, phase: Phase, latency: Duration) {
        let Some(histogram) = self.phases.get_mut(phase as usize) else { return };
        let histogram = histogram.get_or_insert_with(|| growing(3));
        histogram.record(micros(latency)).expect("it grows with what is recorded");
    }

    fn note(&mut self, begin: Instant, latency: Duration, at: Instant) {
        let second = at.saturating_duration_since(begin).as_secs();
        self.windows.at(second).record(micros(latency));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MAX_CAUSES: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_late_or_never_answered_counts_from_when_it_was_planned() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let recorder = Recorder::new(begin, at(1000));
        let span = |intended, started, ended| Step {
            intended: at(intended),
            started: at(started),
            ended: at(ended),
        };
        // In the warm-up.
        recorder.answered(Kind::Offer, span(500, 500, 5000));
        recorder.answered(Kind::Offer, span(2000, 2300, 2400));
        recorder.unanswered(Kind::Offer, at(3000), Fate::Lost, at(15_000));
        let measured = recorder.measured(Kind::Offer);
        assert_eq!((measured.missing(), measured.lost), (1, 1));
        let (corrected, raw) = (
            measured.corrected.percentiles(begin).unwrap(),
            measured.raw.percentiles(begin).unwrap(),
        );
        assert_eq!((corrected.count, raw.count), (2, 1));
        assert!((corrected.p50 - 400.0).abs() < 1.0, "{corrected:?}");
        assert!((corrected.max - 12_000.0).abs() < 10.0, "{corrected:?}");
        assert!((raw.max - 100.0).abs() < 1.0, "{raw:?}");
        let window = |second| measured.windows.get(second).filter(|window| !window.is_empty());
        let seconds: Vec<u64> = (0..20).filter(|second| window(*second).is_some()).collect();
        assert_eq!(seconds, [2, 15]);
        let last = window(15).unwrap().to_histogram().max();
        assert!(last.abs_diff(12_000_000) < 200_000, "{last}");
    }

    #[test]
    fn what_was_planned_for_a_phase_belongs_to_it_however_late_it_came() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let recorder = Recorder::new(begin, begin);
        let answered = |intended, ended| {
            let (intended, ended) = (at(intended), at(ended));
            recorder.answered(Kind::Relay, Step { intended, started: intended, ended });
        };
        answered(100, 101);
        recorder.begin(Phase::Steady, at(1000));
        answered(900, 2900);
        answered(1000, 1003);
        recorder.begin(Phase::End, at(5000));
        recorder.unanswered(Kind::Relay, at(4900), Fate::Lost, at(9900));
        let measured = recorder.measured(Kind::Relay);
        let told = |phase| measured.of_phase(phase).map(|of| (of.len(), of.max() / 1000));
        assert_eq!(told(Phase::Ramp), Some((2, 2000)));
        assert_eq!(told(Phase::Steady).unwrap().0, 2);
        assert!(told(Phase::Steady).unwrap().1 >= 5000);
        assert_eq!(told(Phase::End), None);
    }
}
