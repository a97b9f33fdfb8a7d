//! Lengths of time as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// A length of time like `300ms`, `15s`, `2m` or `1h`; a number without a unit is seconds.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Span(pub(crate) Duration);

/// A text is no length of time.
#[derive(Debug, Error)]
#[error("`{0}` is not a length of time like 300ms, 15s, 2m or 1h")]
pub(crate) struct InvalidSpan(String);

impl Span {
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let digits =
            text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim() {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(InvalidSpan(text.into())),
        };
        let seconds = number.parse::<f64>().map_err(|_| InvalidSpan(text.into()))? * factor;
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| InvalidSpan(text.into()))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if self.0 < Duration::from_millis(1) && !self.0.is_zero() {
            write!(f, "{}us", self.0.as_micros())
        } else if seconds < 1.0 && !self.0.is_zero() {
            write!(f, "{}ms", seconds * 1e3)
        } else {
            write!(f, "{seconds}s")
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Seconds(f64),
    Text(String),
}

impl TryFrom<Written> for Span {
    type Error = InvalidSpan;

    fn try_from(written: Written) -> Result<Self, InvalidSpan> {
        match written {
            Written::Seconds(seconds) => seconds.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same_time() {
        for (text, millis) in [("300ms", 300), ("15", 15_000), ("1.5s", 1500), ("2m", 120_000)] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.0, Duration::from_millis(millis), "{text}");
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span, "{text}");
        }
        for wrong in ["", "s", "-1s", "5 parsecs", "1e400"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
