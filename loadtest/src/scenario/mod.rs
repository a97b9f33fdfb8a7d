//! A scenario: how many participants join, when, for how long, and what they send.

mod arrivals;
mod limits;
mod plan;
mod preset;
mod quality;
mod room_sizes;
mod settings;
mod shape;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use self::arrivals::Arrivals;
pub(crate) use self::plan::{Plan, TooLong, Visit};
pub(crate) use self::preset::{Picture, Preset};
pub(crate) use self::quality::{Quality, Stalls};
pub(crate) use self::room_sizes::RoomSizes;
pub(crate) use self::settings::ScenarioSettings;
use self::settings::read;
pub(crate) use self::shape::{InvalidShape, Shape, Stay};
use crate::span::Span;

/// The scenario of a run. Its TOML form is a file for `--scenario`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", try_from = "ScenarioSettings")]
pub(crate) struct Scenario {
    pub(crate) depth: Depth,
    pub(crate) rooms: u32,
    pub(crate) peers: RoomSizes,
    pub(crate) rate: Arrivals,
    pub(crate) create_rate: f64,
    pub(crate) warm_up: Span,
    pub(crate) duration: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stay: Option<Span>,
    pub(crate) churn: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cut_every: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) renegotiate_every: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share_every: Option<Span>,
    pub(crate) message_rate: f64,
    pub(crate) message_bytes: u32,
    pub(crate) description_bytes: u32,
    pub(crate) candidates: CandidateCounts,
    pub(crate) candidate_bytes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) publishers: Option<u8>,
    pub(crate) preset: Preset,
    pub(crate) no_video: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audio_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) video_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bind: Option<IpAddr>,
    pub(crate) relay_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) impair_up: Option<Quality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) impair_down: Option<Quality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) impair_stall: Option<Stalls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) impaired: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<PathBuf>,
    /// The contents of the file to replay.
    #[serde(skip)]
    pub(crate) shape: Option<Shape>,
    pub(crate) seed: u64,
}

/// How much of a call is simulated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Depth {
    /// Real participants that send media to each other
    Media,
    /// Signaling sockets only, with the messages of real participants
    Signaling,
}

/// How many candidates each side of a pair sends: `4..12`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct CandidateCounts {
    pub(crate) least: u32,
    pub(crate) most: u32,
}

/// Why a scenario cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ScenarioError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("the scenario {} is wrong: {error}", path.display())]
    Parse { path: PathBuf, error: toml::de::Error },
    #[error("cannot replay {}: {error}", path.display())]
    Shape { path: PathBuf, error: InvalidShape },
    #[error("{0}")]
    Combination(&'static str),
    #[error("{0}")]
    Range(String),
}

impl Scenario {
    /// Builds the scenario from a file, if there is one, and flags, which take precedence.
    pub(crate) fn new(
        flags: &ScenarioSettings,
        file: Option<&Path>,
    ) -> Result<Self, ScenarioError> {
        let file = file.map(read).transpose()?.unwrap_or_default();
        let mut scenario = flags.clone().over(file);
        if let Some(path) = &scenario.replay {
            let shape = read_shape(path)?;
            scenario.rooms = shape.rooms();
            scenario.shape = Some(shape);
        }
        if scenario.churn && scenario.stay.is_none() {
            return Err(ScenarioError::Combination("--churn needs --stay"));
        }
        if scenario.has_bad_network() && scenario.depth == Depth::Signaling {
            return Err(ScenarioError::Combination(
                "--impair-up, -down and -stall are about media",
            ));
        }
        if scenario.shape.is_some() && scenario.stay.is_some() {
            return Err(ScenarioError::Combination(
                "with --replay the file says who stays how long",
            ));
        }
        scenario.check()?;
        Ok(scenario)
    }

    /// Divides the scenario among generators; `None` if there are fewer rooms than generators, or a
    /// file that only this machine has.
    pub(crate) fn shares(&self, generators: usize) -> Option<Vec<Self>> {
        let count = u32::try_from(generators).ok()?;
        if !(1..=self.rooms).contains(&count) || self.shape.is_some() {
            return None;
        }
        let share = |index: u32| Self {
            rooms: self.rooms / count + u32::from(index < self.rooms % count),
            rate: self.rate.share(f64::from(count)),
            create_rate: self.create_rate / f64::from(count),
            seed: self.seed.wrapping_add(u64::from(index)) & i64::MAX as u64,
            ..self.clone()
        };
        Some((0..count).map(share).collect())
    }

    /// The names of the settings in which two scenarios differ.
    pub(crate) fn unlike(&self, other: &Self) -> Vec<String> {
        let [one, other] = [self, other].map(|scenario| {
            toml::Table::try_from(scenario).expect("texts and numbers have a TOML form")
        });
        let names = one.keys().chain(other.keys());
        let unlike = names.filter(|name| one.get(*name) != other.get(*name));
        unlike.cloned().collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Whether any participant has an impaired network.
    pub(crate) fn has_bad_network(&self) -> bool {
        self.impair_up.is_some() || self.impair_down.is_some() || self.impair_stall.is_some()
    }

    /// Whether publishers send pictures.
    pub(crate) fn has_video(&self) -> bool {
        !self.no_video && (self.video_file.is_some() || self.preset.has_video())
    }

    pub(crate) fn to_toml(&self) -> String {
        toml::to_string(self).expect("texts and numbers have a TOML form")
    }
}

impl std::str::FromStr for CandidateCounts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let counts = least.trim().parse().ok().zip(most.trim().parse().ok());
        counts
            .filter(|(least, most)| least <= most && *most <= 100)
            .map(|(least, most)| Self { least, most })
            .ok_or_else(|| format!("`{text}` is not a count up to 100 like 8 or 4..12"))
    }
}

impl TryFrom<String> for CandidateCounts {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CandidateCounts> for String {
    fn from(counts: CandidateCounts) -> Self {
        format!("{}..{}", counts.least, counts.most)
    }
}

fn read_shape(path: &Path) -> Result<Shape, ScenarioError> {
    let path = path.to_owned();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(ScenarioError::Read { path, error }),
    };
    text.parse().map_err(|error| ScenarioError::Shape { path, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same_scenario() {
        let flags = ScenarioSettings {
            depth: Some(Depth::Signaling),
            peers: Some("2:60,10:40".parse().unwrap()),
            rate: Some("1..50".parse().unwrap()),
            stay: Some(Span::seconds(90)),
            churn: true,
            message_rate: Some(0.5),
            share_every: Some(Span::seconds(20)),
            preset: Some(Preset::P720),
            ..ScenarioSettings::default()
        };
        let scenario = Scenario::new(&flags, None).unwrap();
        let file: ScenarioSettings = toml::from_str(&scenario.to_toml()).unwrap();
        assert_eq!(ScenarioSettings::default().over(file), scenario);
    }

    #[test]
    fn several_generators_share_rooms_and_arrivals() {
        let mut scenario = Scenario::new(&ScenarioSettings::default(), None).unwrap();
        scenario.rooms = 7;
        let shares = scenario.shares(3).unwrap();
        assert_eq!(shares.iter().map(|share| share.rooms).collect::<Vec<_>>(), [3, 2, 2]);
        assert!(shares.iter().all(|share| share.rate == Arrivals::Constant(10.0 / 3.0)));
        assert_ne!(shares[0].seed, shares[1].seed);
        assert!(scenario.shares(8).is_none());
    }

    #[test]
    fn a_flag_goes_before_the_file_and_unknown_names_are_refused() {
        let file: ScenarioSettings = toml::from_str("rooms = 7\npeers = 3\nduration = 5").unwrap();
        let flags = ScenarioSettings { rooms: Some(2), ..ScenarioSettings::default() };
        let scenario = flags.over(file);
        assert_eq!((scenario.rooms, scenario.peers.only()), (2, Some(3)));
        assert_eq!(scenario.duration, Span::seconds(5));
        assert!(toml::from_str::<ScenarioSettings>("romms = 7").is_err());
    }
}
