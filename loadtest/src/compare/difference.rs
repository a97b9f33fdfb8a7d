//! How much a quantile differs between runs, and how sure that is.

use std::ops::Range;

use crate::measure::latency::has_samples_for;
use crate::measure::sparse_histogram::SparseHistogram;

/// The ratio of a quantile, and within which bounds it lies at a confidence of 99.75 %.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    pub(super) ratio: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// The samples of one run by the second in which they were measured.
pub(super) type Seconds<'a> = Vec<(u64, &'a SparseHistogram)>;

impl Difference {
    /// Seconds that follow each other are alike, so that not samples but stretches of seconds are
    /// what counts: the quantile is taken of each. With repetitions, what the runs of one server
    /// differ by counts as well, and the wider bounds hold. `None` if there are too few samples.
    pub(super) fn between(
        before: &[Seconds<'_>],
        after: &[Seconds<'_>],
        quantile: f64,
    ) -> Option<Self> {
        let end = before.iter().chain(after).filter_map(|run| Some(run.last()?.0 + 1)).max()?;
        let begin = before.iter().chain(after).filter_map(|run| Some(run.first()?.0)).min()?;
        // As many stretches as have samples enough, in every run.
        let most = ((end - begin) / LEAST_SECONDS).min(MOST_STRETCHES);
        (LEAST_STRETCHES..=most).rev().find_map(|count| {
            let stretches: Vec<Range<u64>> = (0..count)
                .map(|index| begin + (end - begin) * index / count)
                .zip((1..=count).map(|index| begin + (end - begin) * index / count))
                .map(|(from, to)| from..to)
                .collect();
            let of = |run: &Seconds<'_>| quantiles(run, &stretches, quantile);
            let before: Vec<Vec<Option<f64>>> = before.iter().map(of).collect();
            let after: Vec<Vec<Option<f64>>> = after.iter().map(of).collect();
            Self::of_stretches(&before, &after)
        })
    }

    /// Compares logarithms of quantiles by run and stretch.
    fn of_stretches(before: &[Vec<Option<f64>>], after: &[Vec<Option<f64>>]) -> Option<Self> {
        let count = before.first()?.len();
        // The same was planned for a stretch of all runs, so that it is compared with itself.
        let differences: Vec<f64> = (0..count)
            .filter_map(|index| {
                let of = |runs: &[Vec<Option<f64>>]| {
                    let values: Option<Vec<f64>> = runs.iter().map(|run| run[index]).collect();
                    values.map(|values| mean(&values))
                };
                Some(of(after)? - of(before)?)
            })
            .collect();
        if (differences.len() as u64) < LEAST_STRETCHES {
            return None;
        }
        let middle = mean(&differences);
        let within = (variance(&differences) / differences.len() as f64).sqrt();
        let within = within * student((differences.len() - 1) as f64);
        let error = match between_runs(before, after) {
            Some(between) => within.max(between),
            None => within,
        };
        let (least, most) = ((middle - error).exp(), (middle + error).exp());
        Some(Self { ratio: middle.exp(), least, most })
    }

    pub(super) fn is_slower(self) -> bool {
        self.least > 1.0 && self.ratio > 1.0 + LEAST_DIFFERENCE
    }

    pub(super) fn is_faster(self) -> bool {
        self.most < 1.0 && self.ratio < 1.0 - LEAST_DIFFERENCE
    }
}

/// The logarithm of the quantile in each stretch that has samples enough for it.
fn quantiles(run: &Seconds<'_>, stretches: &[Range<u64>], quantile: f64) -> Vec<Option<f64>> {
    let of = |stretch: &Range<u64>| {
        let seconds = run.iter().filter(|(second, _)| stretch.contains(second));
        let all = SparseHistogram::sum(seconds.map(|(_, histogram)| *histogram));
        let is_enough = has_samples_for(quantile, all.len()) && all.len() >= LEAST_SAMPLES;
        // A latency below a microsecond is one.
        is_enough.then(|| (all.value_at_quantile(quantile).max(1) as f64).ln())
    };
    stretches.iter().map(of).collect()
}

/// Half the width of the interval by Welch's test of the runs' means; `None` without repetitions.
fn between_runs(before: &[Vec<Option<f64>>], after: &[Vec<Option<f64>>]) -> Option<f64> {
    let of_runs = |runs: &[Vec<Option<f64>>]| -> Option<(f64, f64)> {
        let means: Vec<f64> = runs
            .iter()
            .map(|run| mean(&run.iter().copied().flatten().collect::<Vec<f64>>()))
            .collect();
        (means.len() > 1).then(|| (variance(&means) / means.len() as f64, means.len() as f64))
    };
    let ((one, one_count), (other, other_count)) = (of_runs(before)?, of_runs(after)?);
    let sum = one + other;
    let squares = one.powi(2) / (one_count - 1.0) + other.powi(2) / (other_count - 1.0);
    let freedom = if squares > 0.0 { sum.powi(2) / squares } else { 1.0 };
    Some(sum.sqrt() * student(freedom))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    squares / (values.len() - 1) as f64
}

/// Student's t for the confidence.
fn student(freedom: f64) -> f64 {
    // Of a number between those of the table, the smaller one holds, which is wider.
    let known = STUDENT.iter().rev().find(|(known, _)| *known <= freedom.max(1.0));
    known.map_or(STUDENT[0].1, |(_, t)| *t)
}

/// For 99.75 %: of the twenty quantiles of a comparison, one at most in twenty comparisons differs
/// by luck.
const STUDENT: [(f64, f64); 15] = [
    (1.0, 254.6),
    (2.0, 19.96),
    (3.0, 9.47),
    (4.0, 6.76),
    (5.0, 5.60),
    (6.0, 4.98),
    (7.0, 4.60),
    (8.0, 4.33),
    (9.0, 4.15),
    (10.0, 4.01),
    (12.0, 3.81),
    (15.0, 3.62),
    (20.0, 3.46),
    (30.0, 3.30),
    (60.0, 3.16),
];

/// A quantile of fewer is luck.
const LEAST_SAMPLES: u64 = 10;
const LEAST_SECONDS: u64 = 2;
const LEAST_STRETCHES: u64 = 5;
const MOST_STRETCHES: u64 = 12;
/// One run of a server differs from the next by as much.
const LEAST_DIFFERENCE: f64 = 0.05;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// A minute of latencies with a long tail, on a machine whose load drifts, on which some
    /// seconds are much slower, and on which one run differs from the next.
    fn minute(factor: f64, between_runs: f64, random: &mut StdRng) -> Vec<SparseHistogram> {
        let unit = |random: &mut StdRng| random.random::<f64>();
        let luck = 1.0 + between_runs * (unit(random) + unit(random) - 1.0);
        let mut drift = 0.0;
        (0..60)
            .map(|_| {
                drift = 0.5 * drift + 0.05 * (unit(random) - 0.5);
                let stall = if unit(random) < 0.02 { 2.0 } else { 1.0 };
                let mut second = SparseHistogram::default();
                for _ in 0..40 {
                    let tail = (1.0 - unit(random)).powf(-0.25);
                    let micros = 2000.0 * factor * luck * (1.0 + drift) * stall * tail;
                    second.record(micros as u64);
                }
                second
            })
            .collect()
    }

    fn seconds(run: &[SparseHistogram]) -> Seconds<'_> {
        run.iter().enumerate().map(|(second, histogram)| (second as u64, histogram)).collect()
    }

    /// Compares so many repetitions of two servers, of which the second takes `factor` times as
    /// long.
    fn compare(runs: usize, factor: f64, noise: f64, random: &RefCell<StdRng>) -> Difference {
        let minutes = |factor| -> Vec<Vec<SparseHistogram>> {
            (0..runs).map(|_| minute(factor, noise, &mut random.borrow_mut())).collect()
        };
        let (before, after) = (minutes(1.0), minutes(factor));
        let before: Vec<Seconds<'_>> = before.iter().map(|run| seconds(run)).collect();
        let after: Vec<Seconds<'_>> = after.iter().map(|run| seconds(run)).collect();
        Difference::between(&before, &after, 0.5).unwrap()
    }

    fn differs(difference: Difference) -> bool {
        difference.is_slower() || difference.is_faster()
    }

    #[test]
    fn two_runs_of_one_server_do_not_differ_and_a_slower_one_does() {
        let random = RefCell::new(StdRng::seed_from_u64(7));
        let wrong = (0..200).filter(|_| differs(compare(1, 1.0, 0.0, &random))).count();
        assert!(wrong <= 2, "{wrong} of 200");
        let found = (0..100).filter(|_| compare(1, 1.1, 0.0, &random).is_slower()).count();
        assert!(found >= 90, "{found} of 100");
        assert!((0..20).all(|_| compare(1, 0.8, 0.0, &random).is_faster()));
    }

    #[test]
    fn with_repetitions_the_luck_of_a_run_is_told_from_the_server() {
        let random = RefCell::new(StdRng::seed_from_u64(8));
        let noise = 0.03;
        let wrong = (0..100).filter(|_| differs(compare(5, 1.0, noise, &random))).count();
        assert!(wrong <= 2, "{wrong} of 100");
        let found = (0..100).filter(|_| compare(5, 1.1, noise, &random).is_slower()).count();
        assert!(found >= 90, "{found} of 100");
    }

    #[test]
    fn a_few_seconds_prove_nothing() {
        let run = minute(1.0, 0.0, &mut StdRng::seed_from_u64(9));
        let few = [seconds(&run[..9])];
        assert!(Difference::between(&few, &few, 0.5).is_none());
        let run = [seconds(&run)];
        let same = Difference::between(&run, &run, 0.5).unwrap();
        assert_eq!((same.ratio, differs(same)), (1.0, false));
        // 200 in each of twelve stretches are enough for a p99, and not for a p99.9.
        assert!(Difference::between(&run, &run, 0.99).is_some());
        assert!(Difference::between(&run, &run, 0.999).is_none());
    }
}
