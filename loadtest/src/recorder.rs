//! What is measured while a run goes on: latencies by kind and second, and failures by cause.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::kind::Kind;
use crate::latency::{Latencies, micros, millis};
use crate::udp_path::Figures;

/// Takes measurements from all threads.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// When the run began.
    pub(crate) begin: Instant,
    /// What was planned for an earlier time does not count.
    counts_from: Instant,
    kinds: [Mutex<Measured>; Kind::ALL.len()],
    failures: Mutex<BTreeMap<String, u64>>,
    /// What bad networks did, of all participants.
    impaired: Mutex<Option<Figures>>,
}

/// What was measured of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// From the intended start. What was never answered is in it with the time that it waited.
    pub(crate) corrected: Latencies,
    /// From the actual start, of what was answered.
    pub(crate) raw: Latencies,
    pub(crate) lost: u64,
    pub(crate) refused: u64,
    pub(crate) unsent: u64,
    /// The corrected latencies by the second of the run in which they were measured.
    pub(crate) windows: Vec<Option<Histogram<u64>>>,
}

/// Why something was never answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It was sent, and no answer came.
    Lost,
    /// The server or the network said no.
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
            kinds: std::array::from_fn(|_| Mutex::new(Measured::new())),
            failures: Mutex::default(),
            impaired: Mutex::default(),
        }
    }

    pub(crate) fn answered(&self, kind: Kind, step: Step) {
        let Step { intended, started, ended } = step;
        let mut measured = self.lock(kind);
        measured.note(self.begin, ended.saturating_duration_since(intended), ended);
        if intended < self.counts_from {
            return;
        }
        measured.corrected.record(ended.saturating_duration_since(intended), ended);
        measured.raw.record(ended.saturating_duration_since(started), ended);
    }

    /// Records what waited from when it was planned until now, in vain.
    pub(crate) fn unanswered(&self, kind: Kind, intended: Instant, fate: Fate, now: Instant) {
        let mut measured = self.lock(kind);
        measured.note(self.begin, now.saturating_duration_since(intended), now);
        if intended < self.counts_from {
            return;
        }
        measured.corrected.give_up(now.saturating_duration_since(intended), now);
        match fate {
            Fate::Lost => measured.lost += 1,
            Fate::Refused => measured.refused += 1,
            Fate::Unsent => measured.unsent += 1,
        }
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

    /// Adds what the bad network of a participant did.
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
        let measured = self.lock(kind);
        let window = measured.windows.iter().rev().nth(1)?.as_ref()?;
        Some(millis(window.value_at_quantile(share)))
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
            windows: Vec::new(),
        }
    }

    /// What was planned and never answered.
    pub(crate) fn missing(&self) -> u64 {
        self.lost + self.refused + self.unsent
    }

    fn note(&mut self, begin: Instant, latency: Duration, at: Instant) {
        let second = at.saturating_duration_since(begin).as_secs();
        let Some(second) = usize::try_from(second).ok().filter(|second| *second < MAX_WINDOWS)
        else {
            return;
        };
        if self.windows.len() <= second {
            self.windows.resize(second + 1, None);
        }
        let window = self.windows[second].get_or_insert_with(window);
        window.record(micros(latency)).expect("it grows with what is recorded");
    }
}

fn window() -> Histogram<u64> {
    // Two digits, which grow with the longest: windows are many.
    let mut histogram = Histogram::new(2).expect("two digits are within what it takes");
    histogram.auto(true);
    histogram
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MAX_CAUSES: usize = 50;
/// A day.
const MAX_WINDOWS: usize = 86_400;

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
        let seconds: Vec<usize> = measured
            .windows
            .iter()
            .enumerate()
            .filter_map(|(second, window)| window.as_ref().map(|_| second))
            .collect();
        assert_eq!(seconds, [2, 5, 15]);
        let last = measured.windows[15].as_ref().unwrap().max();
        assert!(last.abs_diff(12_000_000) < 200_000, "{last}");
    }
}
