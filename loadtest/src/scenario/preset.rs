//! The media that publishers send, by name.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The media that publishers send. All but the clip are synthetic: they have the rates and sizes of
/// real media, and contain the time at which they were made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize, ValueEnum)]
pub(crate) enum Preset {
    /// A real test picture and tone: 123 and 33 kbit/s, 18.5 and 50 packets per second
    #[default]
    #[serde(rename = "clip")]
    Clip,
    /// Audio only: 32 kbit/s, 50 packets per second
    #[serde(rename = "voice")]
    Voice,
    /// The audio of voice, and video of 500 kbit/s: 30 frames per second of two packets each
    #[serde(rename = "360p")]
    #[value(name = "360p")]
    P360,
    /// The audio of voice, and video of 1.2 Mbit/s: 30 frames per second of five packets each
    #[serde(rename = "720p")]
    #[value(name = "720p")]
    P720,
}

/// The pictures of a synthetic source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Picture {
    /// The pictures per second.
    pub(crate) rate: u32,
    pub(crate) bytes: usize,
}

impl Picture {
    /// The pictures of a screen: few and large.
    pub(crate) const SCREEN: Self = Self { rate: 5, bytes: 12_000 };
}

impl Preset {
    pub(crate) fn has_video(self) -> bool {
        match self {
            Self::Voice => false,
            Self::Clip | Self::P360 | Self::P720 => true,
        }
    }

    /// The pictures of a preset that makes them.
    pub(crate) fn picture(self) -> Option<Picture> {
        match self {
            Self::Clip | Self::Voice => None,
            Self::P360 => Some(Picture { rate: 30, bytes: 2_080 }),
            Self::P720 => Some(Picture { rate: 30, bytes: 5_000 }),
        }
    }
}
