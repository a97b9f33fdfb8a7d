//! How bad the network of participants is, as people write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::network::udp_path::Impairment;
use crate::span::Span;

/// The impairments of a participant's network: `loss=2%,delay=50ms,jitter=20ms,bandwidth=1mbit`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Quality(pub(crate) Impairment);

/// How often and for how long nothing gets through: `2s/30s`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Stalls {
    pub(crate) lasts: Duration,
    /// From the beginning of one to that of the next.
    pub(crate) every: Duration,
}

/// A text does not say how bad a network is.
#[derive(Debug, Error)]
pub(crate) enum InvalidQuality {
    #[error("`{0}` is not an impairment; expected loss, delay, jitter or bandwidth")]
    Name(String),
    #[error("`{0}` is not an impairment like loss=2%, delay=50ms, jitter=20ms or bandwidth=1mbit")]
    Value(String),
    #[error("`{0}` is not a stall like 2s/30s, which has to be shorter than its period")]
    Stall(String),
}

impl FromStr for Quality {
    type Err = InvalidQuality;

    fn from_str(text: &str) -> Result<Self, InvalidQuality> {
        let mut impairment = Impairment::default();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim());
            let invalid = || InvalidQuality::Value(part.trim().into());
            let time = || value.parse::<Span>().map(|span| span.0).map_err(|_| invalid());
            match name {
                "loss" => impairment.loss = share(value).ok_or_else(invalid)?,
                "delay" => impairment.delay = time()?,
                "jitter" => impairment.jitter = time()?,
                "bandwidth" => impairment.bandwidth = Some(bits(value).ok_or_else(invalid)?),
                _ => return Err(InvalidQuality::Name(name.into())),
            }
        }
        Ok(Self(impairment))
    }
}

fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    Some(percent / 100.0).filter(|share| (0.0..=1.0).contains(share))
}

fn bits(text: &str) -> Option<u64> {
    let units = [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)];
    let (number, unit) = units.into_iter().find_map(|(name, unit)| {
        Some((text.strip_suffix(name)?.trim().parse::<f64>().ok()?, unit))
    })?;
    Some((number * unit) as u64).filter(|bits| *bits > 0)
}

impl FromStr for Stalls {
    type Err = InvalidQuality;

    fn from_str(text: &str) -> Result<Self, InvalidQuality> {
        let parsed = text.split_once('/').and_then(|(lasts, every)| {
            let time = |text: &str| text.trim().parse::<Span>().ok().map(|span| span.0);
            Some(Self { lasts: time(lasts)?, every: time(every)? })
        });
        let is_possible = |stalls: &Self| !stalls.lasts.is_zero() && stalls.lasts < stalls.every;
        parsed.filter(is_possible).ok_or_else(|| InvalidQuality::Stall(text.into()))
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Impairment { loss, delay, jitter, bandwidth } = self.0;
        // Not more digits than a person writes.
        let percent = (loss * 100.0 * 1e9).round() / 1e9;
        write!(f, "loss={percent}%,delay={},jitter={}", Span(delay), Span(jitter))?;
        match bandwidth {
            Some(bits) => write!(f, ",bandwidth={}kbit", bits as f64 / 1e3),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Stalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Span(self.lasts), Span(self.every))
    }
}

impl TryFrom<String> for Quality {
    type Error = InvalidQuality;

    fn try_from(text: String) -> Result<Self, InvalidQuality> {
        text.parse()
    }
}

impl TryFrom<String> for Stalls {
    type Error = InvalidQuality;

    fn try_from(text: String) -> Result<Self, InvalidQuality> {
        text.parse()
    }
}

impl From<Quality> for String {
    fn from(quality: Quality) -> Self {
        quality.to_string()
    }
}

impl From<Stalls> for String {
    fn from(stalls: Stalls) -> Self {
        stalls.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same_network() {
        for text in ["loss=2%", "delay=50ms,jitter=20ms", "bandwidth=1.5mbit,loss=0.1%"] {
            let quality: Quality = text.parse().unwrap();
            assert_eq!(quality.to_string().parse::<Quality>().unwrap(), quality, "{text}");
        }
        let quality: Quality = "loss=2%,delay=50ms,bandwidth=256kbit".parse().unwrap();
        assert_eq!((quality.0.loss, quality.0.bandwidth), (0.02, Some(256_000)));
        let stalls: Stalls = "2s/30s".parse().unwrap();
        assert_eq!(stalls.to_string().parse::<Stalls>().unwrap(), stalls);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["", "loss", "loss=2", "loss=101%", "delay=-1s", "lag=2s", "bandwidth=0kbit"] {
            assert!(wrong.parse::<Quality>().is_err(), "{wrong}");
        }
        for wrong in ["2s", "0s/30s", "30s/2s", "/"] {
            assert!(wrong.parse::<Stalls>().is_err(), "{wrong}");
        }
    }
}
