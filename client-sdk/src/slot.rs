//! The tracks of a participant, by what they are for.

use std::fmt;

use crate::media::MediaKind;

/// One of the tracks that a participant sends.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Slot {
    /// The audio that is [published](crate::Participant::publish).
    Audio,
    /// The video that is [published](crate::Participant::publish).
    Video,
    /// The screen that is [shared](crate::Participant::share).
    Screen,
}

impl Slot {
    pub(crate) const ALL: [Self; 3] = [Self::Audio, Self::Video, Self::Screen];

    /// What the others are told.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Screen => "screen",
        }
    }
}

impl From<MediaKind> for Slot {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio,
            MediaKind::Video => Self::Video,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
