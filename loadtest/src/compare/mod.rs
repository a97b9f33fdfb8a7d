//! Whether the runs of two servers differ by more than the runs of one server do.

mod difference;

use std::fmt;

use thiserror::Error;

use self::difference::{Difference, Seconds};
use crate::measure::latency::millis;
use crate::measure::latency_kind::Kind;
use crate::measure::sparse_histogram::SparseHistogram;
use crate::objectives::verdict::Verdict;
use crate::output::language::tell;
use crate::output::tables::table;
use crate::report::Report;

/// The runs of two servers, side by side.
#[derive(Debug)]
pub(crate) struct Comparison {
    runs: (usize, usize),
    compared: Vec<Compared>,
}

#[derive(Debug)]
struct Compared {
    name: String,
    /// In milliseconds, of all runs together.
    before: f64,
    after: f64,
    /// `None` if there are too few samples to tell.
    difference: Option<Difference>,
}

/// Why runs cannot be compared.
#[derive(Debug, Error)]
pub(crate) enum NotComparable {
    #[error("a run is INVALID, so it does not describe its server")]
    Invalid,
    #[error("a run was interrupted, and has not measured all that the others have")]
    Interrupted,
    #[error("the runs differ in {0}, so they do not measure the same")]
    Unlike(String),
}

impl Comparison {
    /// Compares repetitions of one run with repetitions of another.
    pub(crate) fn new(before: &[Report], after: &[Report]) -> Result<Self, NotComparable> {
        let mut runs = before.iter().chain(after);
        if runs.clone().any(|run| run.interrupted) {
            return Err(NotComparable::Interrupted);
        }
        if runs.clone().any(|run| run.verdict == Verdict::Invalid) {
            return Err(NotComparable::Invalid);
        }
        if let Some(first) = runs.next() {
            let unlike: Vec<String> = runs.flat_map(|run| first.unlike(run)).collect();
            if !unlike.is_empty() {
                return Err(NotComparable::Unlike(unlike.join(", ")));
            }
        }
        let compared = Kind::ALL.into_iter().flat_map(|kind| {
            let quantiles = [("p50", 0.5), ("p99", 0.99)].into_iter();
            quantiles.filter_map(move |(name, quantile)| {
                let (before, after) = (Samples::of(before, kind)?, Samples::of(after, kind)?);
                Some(Compared {
                    name: format!("{} {name}", kind.name().replace('_', " ")),
                    before: before.quantile(quantile),
                    after: after.quantile(quantile),
                    difference: Difference::between(&before.0, &after.0, quantile),
                })
            })
        });
        Ok(Self { runs: (before.len(), after.len()), compared: compared.collect() })
    }

    /// Whether anything takes longer than before.
    pub(crate) fn is_slower(&self) -> bool {
        self.differences().any(Difference::is_slower)
    }

    fn differences(&self) -> impl Iterator<Item = Difference> {
        self.compared.iter().filter_map(|compared| compared.difference)
    }
}

/// The samples of a kind: the seconds of each run.
struct Samples<'a>(Vec<Seconds<'a>>);

impl<'a> Samples<'a> {
    fn of(runs: &'a [Report], kind: Kind) -> Option<Self> {
        let seconds: Vec<_> = runs.iter().map(|run| run.seconds_of(kind)).collect();
        seconds.iter().any(|run| !run.is_empty()).then_some(Self(seconds))
    }

    /// In milliseconds.
    fn quantile(&self, quantile: f64) -> f64 {
        let all = SparseHistogram::sum(self.0.iter().flatten().map(|(_, histogram)| *histogram));
        millis(all.value_at_quantile(quantile))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = table(&["ms", "before", "after", "ratio", "from", "to", ""]);
        for Compared { name, before, after, difference } in &self.compared {
            let (ratio, least, most, verdict) = match difference {
                Some(difference) => {
                    let Difference { ratio, least, most } = difference;
                    let verdict = match () {
                        () if difference.is_slower() => "slower",
                        () if difference.is_faster() => "faster",
                        () => "no difference",
                    };
                    let shown = |ratio: &f64| format!("{ratio:.2}");
                    (shown(ratio), shown(least), shown(most), verdict)
                }
                None => ("–".into(), "–".into(), "–".into(), "too few"),
            };
            let shown = |millis: &f64| format!("{millis:.2}");
            let verdict = verdict.to_owned();
            rows.add_row([name.clone(), shown(before), shown(after), ratio, least, most, verdict]);
        }
        let (before, after) = self.runs;
        let runs =
            format!("{before} and {after} runs; the ratio lies between its bounds at 99.75 %");
        writeln!(f, "{}\n", tell(&runs))?;
        write!(f, "{rows}\n\n")?;
        let is_faster = self.differences().any(Difference::is_faster);
        f.write_str(&tell(match (self.is_slower(), is_faster) {
            (true, _) => "the second is slower",
            (false, true) => "the second is faster",
            (false, false) => "no difference",
        }))
    }
}
