//! The objectives of a run.

use std::fmt;
use std::str::FromStr;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::measure::latency::has_samples_for;
use crate::measure::latency_kind::Kind;

/// An objective like `relay.p999<100ms` or `loss<0.1%`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Objective {
    measure: Measure,
    comparison: Comparison,
    /// In milliseconds, as a share, or as a number.
    bound: f64,
}

/// Several objectives, separated by commas.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Objectives(pub(crate) Vec<Objective>);

/// What an objective is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Subject {
    Kind(Kind),
    Counter(Counter),
}

/// The measure of an objective.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measure {
    Latency(Kind, Statistic),
    /// Planned steps of a kind that were never answered.
    Missing(Kind),
    Count(Counter),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Statistic {
    Count,
    Max,
    Mean,
    Quantile(f64),
}

/// A figure of the whole run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counter {
    /// Failures of all causes.
    Failed,
    /// The share of RTP packets that were planned and did not arrive.
    Loss,
    /// Losses of any kind.
    Lost,
    /// The share of planned steps that were never answered.
    Missing,
    /// Ends of connections without media.
    Silent,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Comparison {
    Above,
    AtLeast,
    AtMost,
    Below,
    Equal,
}

/// A text is no objective.
#[derive(Debug, Error)]
pub(crate) enum InvalidObjective {
    #[error("`{0}` is not a comparison: expected for example join.p99<500ms")]
    Comparison(String),
    #[error("`{0}` is not measured; expected one of {all}", all = names().join(", "))]
    Name(String),
    #[error(
        "`{0}` is not a statistic of a latency; expected p50, p99, p999 and so on, mean, max, count or missing"
    )]
    Statistic(String),
    #[error("`{0}` is not a bound like {1}")]
    Bound(String, &'static str),
}

/// The measurements of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    /// In microseconds, from the intended start.
    pub(crate) histogram: &'a Histogram<u64>,
    /// Planned steps that were never answered.
    pub(crate) missing: u64,
}

/// How an objective fared.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ObjectiveResult {
    pub(crate) objective: String,
    /// `None` if nothing was measured, which is not held.
    pub(crate) value: Option<f64>,
    pub(crate) held: bool,
    /// Why the value is not the statistic that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remark: Option<String>,
}

impl Objective {
    /// Judges by the samples of each kind that was measured, and by the figures of the run.
    pub(crate) fn judge<'a>(
        &self,
        samples: impl Fn(Kind) -> Option<Samples<'a>>,
        count: impl Fn(Counter) -> f64,
    ) -> ObjectiveResult {
        let (value, remark) = match self.measure {
            Measure::Latency(kind, of) => latency(samples(kind).map(|all| all.histogram), of),
            Measure::Missing(kind) => {
                (Some(samples(kind).map_or(0, |all| all.missing) as f64), None)
            }
            Measure::Count(counter) => (Some(count(counter)), None),
        };
        let held = value.is_some_and(|value| self.comparison.holds(value, self.bound));
        ObjectiveResult { objective: self.to_string(), value, held, remark }
    }

    /// What it is about.
    pub(crate) fn subject(&self) -> Subject {
        match self.measure {
            Measure::Latency(kind, _) | Measure::Missing(kind) => Subject::Kind(kind),
            Measure::Count(counter) => Subject::Counter(counter),
        }
    }

    /// The kind and the bound in milliseconds of an objective that a quantile must not exceed.
    pub(crate) fn latency_bound(&self) -> Option<(Kind, f64)> {
        match (self.measure, self.comparison) {
            (
                Measure::Latency(kind, Statistic::Quantile(_) | Statistic::Max),
                Comparison::AtMost | Comparison::Below,
            ) => Some((kind, self.bound)),
            _ => None,
        }
    }
}

fn latency(histogram: Option<&Histogram<u64>>, of: Statistic) -> (Option<f64>, Option<String>) {
    let nothing = (None, Some("nothing was measured".into()));
    let Some(histogram) = histogram else {
        return if of == Statistic::Count { (Some(0.0), None) } else { nothing };
    };
    let count = histogram.len();
    let millis = |micros: u64| Some(micros as f64 / 1000.0);
    match of {
        Statistic::Count => (Some(count as f64), None),
        _ if count == 0 => nothing,
        Statistic::Max => (millis(histogram.max()), None),
        Statistic::Mean => (Some(histogram.mean() / 1000.0), None),
        Statistic::Quantile(quantile) if !has_samples_for(quantile, count) => {
            (millis(histogram.max()), Some(format!("the longest of {count}, which are too few")))
        }
        Statistic::Quantile(quantile) => (millis(histogram.value_at_quantile(quantile)), None),
    }
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            Self::AtMost => value <= bound,
            Self::Below => value < bound,
            Self::Equal => value == bound,
        }
    }
}

impl FromStr for Objectives {
    type Err = InvalidObjective;

    fn from_str(text: &str) -> Result<Self, InvalidObjective> {
        text.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Objective {
    type Err = InvalidObjective;

    fn from_str(text: &str) -> Result<Self, InvalidObjective> {
        let comparisons = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Below),
            (">", Comparison::Above),
            ("=", Comparison::Equal),
        ];
        let split = comparisons.into_iter().find_map(|(sign, comparison)| {
            text.split_once(sign).map(|(name, bound)| (name.trim(), comparison, bound.trim()))
        });
        let Some((name, comparison, bound)) = split else {
            return Err(InvalidObjective::Comparison(text.into()));
        };
        let measure = Measure::of(name)?;
        let bound = measure.unit().read(bound)?;
        Ok(Self { measure, comparison, bound })
    }
}

impl Measure {
    fn of(name: &str) -> Result<Self, InvalidObjective> {
        if let Some(counter) = Counter::ALL.into_iter().find(|counter| counter.name() == name) {
            return Ok(Self::Count(counter));
        }
        let unknown = || InvalidObjective::Name(name.into());
        let (kind, statistic) = name.split_once('.').ok_or_else(unknown)?;
        let kind = Kind::from_name(kind).ok_or_else(unknown)?;
        if statistic == "missing" {
            return Ok(Self::Missing(kind));
        }
        Ok(Self::Latency(kind, statistic.parse()?))
    }

    fn unit(self) -> Unit {
        match self {
            Self::Latency(_, Statistic::Count) | Self::Missing(_) => Unit::Number,
            Self::Latency(..) => Unit::Milliseconds,
            Self::Count(Counter::Loss | Counter::Missing) => Unit::Share,
            Self::Count(Counter::Failed | Counter::Lost | Counter::Silent) => Unit::Number,
        }
    }
}

impl FromStr for Statistic {
    type Err = InvalidObjective;

    fn from_str(text: &str) -> Result<Self, InvalidObjective> {
        match text {
            "count" => return Ok(Self::Count),
            "max" => return Ok(Self::Max),
            "mean" => return Ok(Self::Mean),
            _ => {}
        }
        let invalid = || InvalidObjective::Statistic(text.into());
        let digits = text.strip_prefix('p').ok_or_else(invalid)?;
        // p999 is p99.9.
        let percent = match digits.split_at_checked(2) {
            Some((whole, part))
                if whole >= "90" && part.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                format!("{whole}.{part}").parse()
            }
            _ => digits.parse::<f64>(),
        };
        let percent = percent.ok().filter(|percent| *percent > 0.0 && *percent < 100.0);
        Ok(Self::Quantile(percent.ok_or_else(invalid)? / 100.0))
    }
}

impl Counter {
    const ALL: [Self; 5] = [Self::Failed, Self::Loss, Self::Lost, Self::Missing, Self::Silent];

    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Loss => "loss",
            Self::Lost => "lost",
            Self::Missing => "missing",
            Self::Silent => "silent",
        }
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Milliseconds,
    Number,
    Share,
}

impl Unit {
    fn read(self, text: &str) -> Result<f64, InvalidObjective> {
        let bound = match self {
            // A time without a unit would be read as seconds by one and as milliseconds by another.
            Self::Milliseconds if text.ends_with(|c: char| c.is_ascii_digit()) => None,
            Self::Milliseconds => {
                text.parse::<crate::span::Span>().ok().map(|span| span.0.as_secs_f64() * 1000.0)
            }
            Self::Number => text.parse().ok(),
            Self::Share => match text.strip_suffix('%') {
                Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
                None => text.parse().ok(),
            },
        };
        let bound = bound.filter(|bound: &f64| *bound >= 0.0 && bound.is_finite());
        bound.ok_or_else(|| InvalidObjective::Bound(text.into(), self.example()))
    }

    fn example(self) -> &'static str {
        match self {
            Self::Milliseconds => "500ms or 2s",
            Self::Number => "0",
            Self::Share => "0.1%",
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measure {
            Measure::Latency(kind, statistic) => write!(f, "{}.{statistic}", kind.name())?,
            Measure::Missing(kind) => write!(f, "{}.missing", kind.name())?,
            Measure::Count(counter) => f.write_str(counter.name())?,
        }
        f.write_str(match self.comparison {
            Comparison::Above => ">",
            Comparison::AtLeast => ">=",
            Comparison::AtMost => "<=",
            Comparison::Below => "<",
            Comparison::Equal => "=",
        })?;
        // Not more digits than a person writes.
        let round = |value: f64| (value * 1e9).round() / 1e9;
        match self.measure.unit() {
            Unit::Milliseconds => write!(f, "{}ms", round(self.bound)),
            Unit::Number => write!(f, "{}", self.bound),
            Unit::Share => write!(f, "{}%", round(self.bound * 100.0)),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Max => f.write_str("max"),
            Self::Mean => f.write_str("mean"),
            Self::Quantile(quantile) => {
                let percent = (quantile * 100.0 * 1e9).round() / 1e9;
                write!(f, "p{}", percent.to_string().replace('.', ""))
            }
        }
    }
}

impl fmt::Display for Objectives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objectives: Vec<String> = self.0.iter().map(Objective::to_string).collect();
        f.write_str(&objectives.join(", "))
    }
}

/// The names that objectives may use.
fn names() -> Vec<&'static str> {
    let kinds = Kind::ALL.into_iter().map(Kind::name);
    kinds.chain(Counter::ALL.into_iter().map(Counter::name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_read_as_people_write_them() {
        let text = "join.p99<500ms, fanout.p99<50ms, relay.p999<100ms, loss<0.1%, silent=0";
        let objectives: Objectives = text.parse().unwrap();
        assert_eq!(
            objectives.to_string(),
            "http_join.p99<500ms, fan_out.p99<50ms, relay.p999<100ms, loss<0.1%, silent=0"
        );
        assert_eq!(objectives.to_string().parse::<Objectives>().unwrap(), objectives);
        for text in ["relay.p99.9<=2s", "offer.missing=0", "arrival.max<1m", "leave.count>=5"] {
            text.parse::<Objective>().unwrap();
        }
    }

    #[test]
    fn what_is_not_measured_is_refused_with_what_is() {
        let told = |text: &str| text.parse::<Objectives>().unwrap_err().to_string();
        assert!(
            told("jion.p99<5ms").contains("jion.p99") && told("jion.p99<5ms").contains("relay")
        );
        assert!(told("relay.q99<5ms").contains("q99"));
        assert!(told("relay.p99<5").contains("500ms"));
        assert!(told("relay.p99").contains("is not a comparison"));
        for wrong in ["", "relay<5ms", "loss<-1%", "silent=none", "relay.p100<5ms", "relay.p0<1s"] {
            assert!(wrong.parse::<Objectives>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn too_few_samples_are_judged_by_the_longest_and_none_are_not_held() {
        let judge = |text: &str, histogram: &Histogram<u64>| {
            let objective: Objective = text.parse().unwrap();
            let relay = |kind| (kind == Kind::Relay).then_some(Samples { histogram, missing: 1 });
            objective.judge(relay, |_| 0.0)
        };
        let mut micros = Histogram::new(3).unwrap();
        assert!(!judge("relay.p99<500ms", &micros).held);
        assert!(!judge("offer.p99<500ms", &micros).held && judge("offer.count=0", &micros).held);
        (1..=20).for_each(|millis| micros.record(millis * 1000).unwrap());
        assert!(judge("relay.p50<11ms", &micros).held);
        let p99 = judge("relay.p99<20ms", &micros);
        assert!(!p99.held && p99.remark.is_some(), "{p99:?}");
        assert!(judge("relay.p99<21ms", &micros).held && judge("silent=0", &micros).held);
        micros.record(12_000_000).unwrap();
        assert!(judge("relay.missing=1", &micros).held && !judge("relay.p99<1s", &micros).held);
    }
}
