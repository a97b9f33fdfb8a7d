//! Whether two runs of one scenario differ, by more than their own seconds do.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::kind::Kind;
use crate::tables::table;

/// What a comparison needs of a report.
#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    settings: Settings,
    latency_ms: BTreeMap<String, Told>,
    windows: Vec<Window>,
}

#[derive(Debug, Deserialize)]
struct Settings {
    cores: u64,
    system: String,
    scenario: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Window {
    second: u64,
    latency_ms: BTreeMap<String, Told>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Told {
    count: u64,
    p50: f64,
    p99: f64,
}

/// Two runs, side by side.
#[derive(Debug)]
pub(crate) struct Comparison(Vec<Compared>);

#[derive(Debug)]
struct Compared {
    kind: Kind,
    before: Told,
    after: Told,
    difference: Option<Difference>,
}

/// The ratio of the medians of the same seconds, and how far off it may be.
#[derive(Clone, Copy, Debug)]
struct Difference {
    ratio: f64,
    least: f64,
    most: f64,
}

/// Two runs cannot be compared.
#[derive(Debug, Error)]
pub(crate) enum CompareError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{} is no report of a run: {error}", path.display())]
    Parse { path: PathBuf, error: serde_json::Error },
    #[error("the runs differ in {0}, and so in what they measure")]
    Unlike(String),
}

impl Run {
    pub(crate) fn read(path: &Path) -> Result<Self, CompareError> {
        let path = path.to_owned();
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) => return Err(CompareError::Read { path, error }),
        };
        serde_json::from_slice(&json).map_err(|error| CompareError::Parse { path, error })
    }

    /// The median of each second in which there was enough of a kind.
    fn medians(&self, kind: Kind) -> BTreeMap<u64, f64> {
        let windows = self.windows.iter();
        let told = windows.filter_map(|window| {
            let told = window.latency_ms.get(kind.name())?;
            Some((window.second, told.p50)).filter(|_| told.count >= LEAST_IN_SECOND)
        });
        told.filter(|(_, median)| *median > 0.0).collect()
    }
}

impl Comparison {
    pub(crate) fn new(before: &Run, after: &Run) -> Result<Self, CompareError> {
        let unlike = unlike(&before.settings, &after.settings);
        if !unlike.is_empty() {
            return Err(CompareError::Unlike(unlike.join(", ")));
        }
        let compared = Kind::ALL.into_iter().filter_map(|kind| {
            Some(Compared {
                kind,
                before: *before.latency_ms.get(kind.name())?,
                after: *after.latency_ms.get(kind.name())?,
                difference: Difference::between(&before.medians(kind), &after.medians(kind)),
            })
        });
        Ok(Self(compared.collect()))
    }

    /// Whether anything takes longer than before.
    pub(crate) fn is_slower(&self) -> bool {
        self.0.iter().filter_map(|compared| compared.difference).any(Difference::is_slower)
    }
}

impl Difference {
    /// The seconds of both runs in pairs, since the same was planned for them. Seconds that follow
    /// each other are alike, so that a few stretches of them are what counts.
    fn between(before: &BTreeMap<u64, f64>, after: &BTreeMap<u64, f64>) -> Option<Self> {
        let pairs: Vec<f64> = before
            .iter()
            .filter_map(|(second, before)| Some((after.get(second)? / before).ln()))
            .collect();
        let stretches = (pairs.len() / LEAST_IN_STRETCH).min(MOST_STRETCHES);
        let student = *STUDENT.get(stretches.checked_sub(LEAST_STRETCHES)?)?;
        let bounds = |index: usize| index * pairs.len() / stretches;
        let means: Vec<f64> =
            (0..stretches).map(|index| mean(&pairs[bounds(index)..bounds(index + 1)])).collect();
        let middle = mean(&means);
        let squares: f64 = means.iter().map(|mean| (mean - middle).powi(2)).sum();
        let count = stretches as f64;
        let error = (squares / (count - 1.0) / count).sqrt() * student;
        let ratio = middle.exp();
        Some(Self { ratio, least: (middle - error).exp(), most: (middle + error).exp() })
    }

    fn is_slower(self) -> bool {
        self.least > 1.0 && self.ratio > 1.0 + LEAST_DIFFERENCE
    }

    fn is_faster(self) -> bool {
        self.most < 1.0 && self.ratio < 1.0 - LEAST_DIFFERENCE
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows =
            table(&["ms", "p50 before", "after", "p99 before", "after", "ratio of medians", ""]);
        for Compared { kind, before, after, difference } in &self.0 {
            let (ratio, verdict) = match difference {
                Some(difference) => {
                    let Difference { ratio, least, most } = difference;
                    let verdict = match () {
                        () if difference.is_slower() => "slower",
                        () if difference.is_faster() => "faster",
                        () => "no difference",
                    };
                    (format!("{ratio:.2} ({least:.2} to {most:.2})"), verdict)
                }
                None => ("–".into(), "too few"),
            };
            rows.add_row([
                kind.name().replace('_', " "),
                format!("{:.2}", before.p50),
                format!("{:.2}", after.p50),
                format!("{:.2}", before.p99),
                format!("{:.2}", after.p99),
                ratio,
                verdict.into(),
            ]);
        }
        write!(f, "{rows}\n\n")?;
        let is_faster = self.0.iter().filter_map(|c| c.difference).any(Difference::is_faster);
        f.write_str(match (self.is_slower(), is_faster) {
            (true, _) => "the second run is slower",
            (false, true) => "the second run is faster",
            (false, false) => "no difference",
        })
    }
}

/// The settings in which two runs differ.
fn unlike(one: &Settings, other: &Settings) -> Vec<String> {
    let keys = one.scenario.keys().chain(other.scenario.keys());
    let mut unlike: Vec<String> =
        keys.filter(|key| one.scenario.get(*key) != other.scenario.get(*key)).cloned().collect();
    if one.cores != other.cores {
        unlike.push("cores".into());
    }
    if one.system != other.system {
        unlike.push("system".into());
    }
    unlike.sort();
    unlike.dedup();
    unlike
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A median of fewer is luck.
const LEAST_IN_SECOND: u64 = 5;
const LEAST_IN_STRETCH: usize = 2;
const LEAST_STRETCHES: usize = 5;
const MOST_STRETCHES: usize = 10;
/// Student's t for a confidence of 99.9 % with 5 to 10 stretches: a comparison is of many kinds, and
/// one that differs by luck in each would be of no use.
const STUDENT: [f64; 6] = [8.61, 6.87, 5.96, 5.41, 5.04, 4.78];
/// Less is of no importance.
const LEAST_DIFFERENCE: f64 = 0.03;

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Medians of a minute that drift, as those of a busy machine do.
    fn minute(factor: f64, random: &mut StdRng) -> BTreeMap<u64, f64> {
        let mut drift = 0.0;
        (0..60)
            .map(|second| {
                drift = 0.5 * drift + 0.04 * (random.random::<f64>() - 0.5);
                (second, factor * (2.0 + drift + 0.1 * (random.random::<f64>() - 0.5)))
            })
            .collect()
    }

    #[test]
    fn two_runs_of_one_server_do_not_differ_and_a_slower_one_does() {
        let mut random = StdRng::seed_from_u64(7);
        let mut compare = |factor| {
            let (before, after) = (minute(1.0, &mut random), minute(factor, &mut random));
            Difference::between(&before, &after).unwrap()
        };
        let same: Vec<Difference> = (0..200).map(|_| compare(1.0)).collect();
        let wrong = same.iter().filter(|same| same.is_slower() || same.is_faster()).count();
        assert!(wrong <= 2, "{wrong} of 200");
        let slower = (0..200).filter(|_| compare(1.1).is_slower()).count();
        assert!(slower >= 190, "{slower} of 200");
        assert!((0..20).all(|_| compare(0.8).is_faster()));
    }

    #[test]
    fn a_few_seconds_prove_nothing() {
        let medians: BTreeMap<u64, f64> = (0..9).map(|second| (second, 1.0)).collect();
        assert!(Difference::between(&medians, &medians).is_none());
    }
}
