//! The lifetime of a room.

use std::time::Duration;

use thiserror::Error;

/// How long a room lasts after its creation: a minute to a day, by default two hours.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Lifetime(Duration);

/// The lifetime is less than a minute or more than a day.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected a lifetime of a minute to a day")]
pub struct InvalidLifetime;

impl Lifetime {
    /// Checks a lifetime.
    ///
    /// # Errors
    ///
    /// The lifetime is less than a minute or more than a day.
    pub fn new(lifetime: Duration) -> Result<Self, InvalidLifetime> {
        if (MINUTE..=DAY).contains(&lifetime) { Ok(Self(lifetime)) } else { Err(InvalidLifetime) }
    }

    /// Returns the lifetime as a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self(2 * HOUR)
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_lasts_a_minute_to_a_day() {
        let tick = Duration::from_nanos(1);
        for (lifetime, is_valid) in
            [(MINUTE - tick, false), (MINUTE, true), (DAY, true), (DAY + tick, false)]
        {
            assert_eq!(Lifetime::new(lifetime).is_ok(), is_valid, "{lifetime:?}");
        }
    }
}
