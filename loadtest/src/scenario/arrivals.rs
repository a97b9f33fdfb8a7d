//! How fast participants arrive.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The times at which participants arrive, whatever happens to earlier ones.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Arrivals {
    /// All at once: `burst`.
    Burst,
    /// So many a second: `10`.
    Constant(f64),
    /// From so many a second to so many: `1..50`.
    Ramp { from: f64, to: f64 },
    /// Equal shares of the participants at one rate after the other: `10,20,50`.
    Steps(Vec<f64>),
}

/// A text does not say how fast participants arrive.
#[derive(Debug, Error)]
#[error(
    "`{0}` is not a rate like 10 (a second), 1..50 (rising), 10,20,50 (in steps) or burst; rates \
     are from 0.001 to 100000"
)]
pub(crate) struct InvalidArrivals(String);

impl Arrivals {
    /// When each of that many participants arrives, counted from the first one.
    pub(crate) fn times(&self, count: usize) -> Vec<Duration> {
        let mut at = 0.0;
        (0..count)
            .map(|index| {
                let time = Duration::from_secs_f64(at);
                at += self.gap_after(index, count);
                time
            })
            .collect()
    }

    /// The part of one of several generators that run side by side.
    pub(super) fn share(&self, generators: f64) -> Self {
        match self {
            Self::Burst => Self::Burst,
            Self::Constant(rate) => Self::Constant(rate / generators),
            Self::Ramp { from, to } => Self::Ramp { from: from / generators, to: to / generators },
            Self::Steps(rates) => Self::Steps(rates.iter().map(|rate| rate / generators).collect()),
        }
    }

    /// The seconds until the next arrival.
    fn gap_after(&self, index: usize, count: usize) -> f64 {
        match self {
            Self::Burst => 0.0,
            Self::Constant(rate) => 1.0 / rate,
            Self::Ramp { from, to } => {
                // The rate rises with the time, so its square rises with the number of arrivals.
                let share = (index as f64 + 0.5) / count as f64;
                1.0 / (from * from + share * (to * to - from * from)).sqrt()
            }
            Self::Steps(rates) => 1.0 / rates[index * rates.len() / count],
        }
    }
}

impl FromStr for Arrivals {
    type Err = InvalidArrivals;

    fn from_str(text: &str) -> Result<Self, InvalidArrivals> {
        let rate = |number: &str| {
            let rate =
                number.trim().parse::<f64>().ok().filter(|rate| (LEAST..=MAX).contains(rate));
            rate.ok_or_else(|| InvalidArrivals(text.into()))
        };
        if text == "burst" {
            Ok(Self::Burst)
        } else if let Some((from, to)) = text.split_once("..") {
            Ok(Self::Ramp { from: rate(from)?, to: rate(to)? })
        } else if text.contains(',') {
            text.split(',').map(rate).collect::<Result<_, _>>().map(Self::Steps)
        } else {
            rate(text).map(Self::Constant)
        }
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burst => f.write_str("burst"),
            Self::Constant(rate) => write!(f, "{rate}"),
            Self::Ramp { from, to } => write!(f, "{from}..{to}"),
            Self::Steps(rates) => {
                let rates: Vec<String> = rates.iter().map(f64::to_string).collect();
                f.write_str(&rates.join(","))
            }
        }
    }
}

impl TryFrom<String> for Arrivals {
    type Error = InvalidArrivals;

    fn try_from(text: String) -> Result<Self, InvalidArrivals> {
        text.parse()
    }
}

impl From<Arrivals> for String {
    fn from(arrivals: Arrivals) -> Self {
        arrivals.to_string()
    }
}

const LEAST: f64 = 0.001;
const MAX: f64 = 100_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_follow_their_rate() {
        let last = |text: &str, count| {
            let arrivals: Arrivals = text.parse().unwrap();
            assert_eq!(arrivals.to_string(), text);
            arrivals.times(count).last().unwrap().as_secs_f64()
        };
        assert!((last("10", 101) - 10.0).abs() < 1e-6);
        assert_eq!(last("burst", 50), 0.0);
        // 30 on average.
        assert!((last("10..50", 301) - 10.0).abs() < 0.1);
        assert!((last("10,20", 200) - 15.0).abs() < 0.1);
        for wrong in ["0", "-1", "10..", "a", "10,,20", "1e9"] {
            assert!(wrong.parse::<Arrivals>().is_err(), "{wrong}");
        }
    }
}
