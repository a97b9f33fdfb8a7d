//! The kinds of media streams, and their counts.

use std::fmt;
use std::ops::AddAssign;

use client_sdk::MediaKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StreamKind {
    Audio,
    Video,
    /// Video that is said to be a screen.
    Screen,
}

/// Counts of received streams.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub(crate) struct StreamCounts {
    /// Packets.
    pub(crate) received: u64,
    /// Of payload.
    pub(crate) bytes: u64,
    /// Pictures, or packets of sound.
    pub(crate) frames: u64,
    pub(crate) freezes: u64,
}

impl StreamKind {
    pub(crate) const ALL: [Self; 3] = [Self::Audio, Self::Video, Self::Screen];

    /// Units of RTP time in a second.
    pub(crate) fn clock_rate(self) -> u32 {
        match self {
            Self::Audio => 48_000,
            Self::Screen | Self::Video => 90_000,
        }
    }
}

impl From<MediaKind> for StreamKind {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio,
            MediaKind::Video => Self::Video,
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Screen => "screen",
        })
    }
}

impl AddAssign for StreamCounts {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.bytes += other.bytes;
        self.frames += other.frames;
        self.freezes += other.freezes;
    }
}
