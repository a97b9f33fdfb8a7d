//! How many participants each room has.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The sizes of rooms and how often each occurs: `4`, or `2:60,4:30,10:10`.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "String")]
pub(crate) struct RoomSizes(Vec<(u8, u32)>);

/// A text does not say how large rooms are.
#[derive(Debug, Error)]
#[error("`{0}` is not a room size from 2 to 50 like 4, or several with weights like 2:60,10:40")]
pub(crate) struct InvalidSizes(String);

impl RoomSizes {
    pub(crate) fn fixed(size: u8) -> Self {
        Self(vec![(size, 1)])
    }

    /// Draws the size of a room.
    pub(crate) fn draw(&self, random: &mut StdRng) -> u8 {
        let all: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = random.random_range(0..all);
        for (size, weight) in &self.0 {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *size,
            }
        }
        self.largest()
    }

    pub(crate) fn largest(&self) -> u8 {
        self.0.iter().map(|(size, _)| *size).max().unwrap_or(*SIZES.start())
    }

    /// The only size, if there is one.
    pub(crate) fn only(&self) -> Option<u8> {
        match self.0[..] {
            [(size, _)] => Some(size),
            _ => None,
        }
    }
}

impl FromStr for RoomSizes {
    type Err = InvalidSizes;

    fn from_str(text: &str) -> Result<Self, InvalidSizes> {
        let entry = |entry: &str| {
            let (size, weight) = entry.split_once(':').unwrap_or((entry, "1"));
            let size = size.trim().parse().ok().filter(|size| SIZES.contains(size))?;
            let weight = weight.trim().parse().ok().filter(|weight| WEIGHTS.contains(weight))?;
            Some((size, weight))
        };
        let sizes: Option<Vec<_>> = text.split(',').map(entry).collect();
        sizes.map(Self).ok_or_else(|| InvalidSizes(text.into()))
    }
}

impl fmt::Display for RoomSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.only() {
            return write!(f, "{size}");
        }
        let sizes: Vec<String> =
            self.0.iter().map(|(size, weight)| format!("{size}:{weight}")).collect();
        f.write_str(&sizes.join(","))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Size(u8),
    Text(String),
}

impl TryFrom<Written> for RoomSizes {
    type Error = InvalidSizes;

    fn try_from(written: Written) -> Result<Self, InvalidSizes> {
        match written {
            Written::Size(size) => size.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<RoomSizes> for String {
    fn from(sizes: RoomSizes) -> Self {
        sizes.to_string()
    }
}

/// The room sizes that a server permits.
const SIZES: RangeInclusive<u8> = 2..=50;
const WEIGHTS: RangeInclusive<u32> = 1..=1_000_000;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn sizes_occur_as_often_as_their_weights_say() {
        let sizes: RoomSizes = "2:60,4:30,10:10".parse().unwrap();
        let mut random = StdRng::seed_from_u64(1);
        let drawn: Vec<u8> = (0..10_000).map(|_| sizes.draw(&mut random)).collect();
        for (size, share) in [(2, 0.6), (4, 0.3), (10, 0.1)] {
            let seen = drawn.iter().filter(|drawn| **drawn == size).count() as f64 / 10_000.0;
            assert!((seen - share).abs() < 0.03, "{size}: {seen}");
        }
        for wrong in ["1", "51", "4:0", "4,", "many"] {
            assert!(wrong.parse::<RoomSizes>().is_err(), "{wrong}");
        }
    }
}
