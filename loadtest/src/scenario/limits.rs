//! The valid numbers of a scenario, which come from flags, a file, or the coordinator of an agent.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{Scenario, ScenarioError};
use crate::span::Span;

impl Scenario {
    /// Refuses numbers with which no run can be carried out.
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        within("rooms", self.rooms, 1..=100_000)?;
        within("create-rate", self.create_rate, RATES)?;
        if self.message_rate != 0.0 {
            within("message-rate", self.message_rate, RATES)?;
        }
        within("message-bytes", self.message_bytes, 64..=16_000)?;
        within("description-bytes", self.description_bytes, 64..=60_000)?;
        within("candidate-bytes", self.candidate_bytes, 64..=16_000)?;
        for (name, number) in [("publishers", self.publishers), ("impaired", self.impaired)] {
            number.map_or(Ok(()), |number| within(name, number, 1..=50))?;
        }
        // TOML has no larger numbers.
        within("seed", self.seed, 0..=i64::MAX as u64)?;
        let stalls = self.impair_stall.map(|stalls| Span(stalls.every));
        for (name, span) in [
            ("warm-up", Some(self.warm_up)),
            ("duration", Some(self.duration)),
            ("stay", self.stay),
            ("cut-every", self.cut_every),
            ("renegotiate-every", self.renegotiate_every),
            ("share-every", self.share_every),
            ("impair-stall", stalls),
        ] {
            span.map_or(Ok(()), |span| within(name, span, Span::default()..=YEAR))?;
        }
        for (name, quality) in [("impair-up", self.impair_up), ("impair-down", self.impair_down)] {
            let Some(quality) = quality else { continue };
            within(name, Span(quality.0.delay), Span::default()..=YEAR)?;
            within(name, Span(quality.0.jitter), Span::default()..=YEAR)?;
        }
        Ok(())
    }
}

fn within<T: Copy + Display + PartialOrd>(
    name: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), ScenarioError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(ScenarioError::Range(format!("{name} is {value}, and not from {least} to {most}")))
}

/// A second.
const RATES: RangeInclusive<f64> = 0.001..=1e6;
const YEAR: Span = Span::seconds(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::super::ScenarioSettings;
    use super::*;

    #[test]
    fn numbers_that_no_run_can_have_are_refused_wherever_they_come_from() {
        for wrong in [
            "create-rate = 0",
            "create-rate = 1e-300",
            "create-rate = nan",
            "message-rate = 1e-30",
            "rate = '1e-300'",
            "rooms = 0",
            "publishers = 0",
            "message-bytes = 1",
            "warm-up = '18000000000000000000'",
            "impair-up = 'delay=18000000000000000000'",
        ] {
            assert!(toml::from_str::<Scenario>(wrong).is_err(), "{wrong}");
        }
        let flags = ScenarioSettings { seed: Some(u64::MAX), ..ScenarioSettings::default() };
        let told = Scenario::new(&flags, None).unwrap_err().to_string();
        assert!(told.starts_with("seed is 18446744073709551615, and not from 0 to"), "{told}");
        assert!(toml::from_str::<Scenario>("message-rate = 0.0").is_ok());
    }
}
