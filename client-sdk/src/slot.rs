//! The tracks of a participant, by what they are for.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::media::{MediaKind, Source};
use crate::session::TrackSource;

/// The address of one of the tracks that a participant sends.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Slot {
    /// The participant's audio: what a microphone hears.
    Audio,
    /// The participant's video: what a camera sees. A screen may take its place.
    Video,
    /// The screen that is [shared](crate::Participant::share), beside the video.
    Screen,
    /// The audio of what is shared.
    ScreenAudio,
    /// A further track; see [`Slot::audio`] and [`Slot::video`].
    Named(NamedSlot),
}

/// The address of a track that has a name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NamedSlot {
    kind: MediaKind,
    name: Arc<str>,
}

/// The caller's fault: a track cannot have that name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "`{0}` is no name of a track: expected 1 to 24 letters, digits, hyphens and underscores of \
     ASCII, and none of audio, video, screen and screen-audio"
)]
pub struct SlotNameError(pub String);

impl Slot {
    /// A further track of audio, such as a second microphone. The name has 1 to 24 letters, digits,
    /// hyphens and underscores of ASCII.
    ///
    /// # Errors
    ///
    /// That is not a name, or is one of `audio`, `video`, `screen` and `screen-audio`.
    pub fn audio(name: &str) -> Result<Self, SlotNameError> {
        NamedSlot::new(MediaKind::Audio, name).map(Self::Named)
    }

    /// A further track of video, such as a second camera. Pages play it together with the
    /// [audio](Self::audio) of the same name.
    ///
    /// # Errors
    ///
    /// Those of [`audio`](Self::audio).
    pub fn video(name: &str) -> Result<Self, SlotNameError> {
        NamedSlot::new(MediaKind::Video, name).map(Self::Named)
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        match self {
            Self::Audio | Self::ScreenAudio => MediaKind::Audio,
            Self::Screen | Self::Video => MediaKind::Video,
            Self::Named(slot) => slot.kind,
        }
    }

    /// The name, which another slot of the other kind may have too.
    pub fn name(&self) -> &str {
        match self {
            Self::Audio => AUDIO,
            Self::Video => VIDEO,
            Self::Screen => SCREEN,
            Self::ScreenAudio => SCREEN_AUDIO,
            Self::Named(slot) => &slot.name,
        }
    }

    /// The slot of that kind and name; `None` if there can be none.
    pub(crate) fn of(kind: MediaKind, name: &str) -> Option<Self> {
        match (kind, name) {
            (MediaKind::Audio, AUDIO) => Some(Self::Audio),
            (MediaKind::Audio, SCREEN_AUDIO) => Some(Self::ScreenAudio),
            (MediaKind::Video, VIDEO) => Some(Self::Video),
            (MediaKind::Video, SCREEN) => Some(Self::Screen),
            (kind, name) => NamedSlot::new(kind, name).map(Self::Named).ok(),
        }
    }

    /// What the others are told of a source that is sent there.
    pub(crate) fn label(&self, source: &Source) -> TrackSource {
        match self {
            Self::Screen | Self::ScreenAudio => TrackSource::Screen,
            Self::Audio | Self::Named(_) | Self::Video => source.label(self.kind()),
        }
    }
}

impl NamedSlot {
    fn new(kind: MediaKind, name: &str) -> Result<Self, SlotNameError> {
        let is_name = (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && ![AUDIO, VIDEO, SCREEN, SCREEN_AUDIO].contains(&name);
        if is_name {
            Ok(Self { kind, name: name.into() })
        } else {
            Err(SlotNameError(name.to_owned()))
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

/// Tells it from all other slots, as in the state of a participant: `video`, or `video:desk`.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audio | Self::Screen | Self::ScreenAudio | Self::Video => {
                f.write_str(self.name())
            }
            Self::Named(NamedSlot { kind, name }) => write!(f, "{kind}:{name}"),
        }
    }
}

const AUDIO: &str = "audio";
const VIDEO: &str = "video";
const SCREEN: &str = "screen";
const SCREEN_AUDIO: &str = "screen-audio";
/// With a UUID it fits into an id of SDP, which has up to 64 characters (RFC 8830 section 2).
const MAX_NAME: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_found_again_by_its_kind_and_name() {
        let named = [Slot::video("desk").unwrap(), Slot::audio("desk").unwrap()];
        let slots = [Slot::Audio, Slot::Video, Slot::Screen, Slot::ScreenAudio];
        let mut shown = Vec::new();
        for slot in slots.into_iter().chain(named) {
            assert_eq!(Slot::of(slot.kind(), slot.name()), Some(slot.clone()));
            shown.push(slot.to_string());
        }
        assert_eq!(shown, ["audio", "video", "screen", "screen-audio", "video:desk", "audio:desk"]);
    }

    #[test]
    fn names_are_short_and_plain_and_not_those_of_other_slots() {
        let long = "x".repeat(25);
        for name in ["", "a b", "ä", "a.b", "video", "audio", "screen", "screen-audio", &long] {
            assert_eq!(Slot::video(name), Err(SlotNameError(name.to_owned())));
        }
        assert_eq!(Slot::of(MediaKind::Audio, "video"), None);
    }
}
