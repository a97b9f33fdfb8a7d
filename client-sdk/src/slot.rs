//! The slots of a participant's tracks.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::media::{MediaKind, Source};
use crate::session::TrackSource;

/// The slot of a track: its purpose, such as audio, video or screen, or a name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Slot {
    /// The participant's audio, such as a microphone.
    Audio,
    /// The participant's video, such as a camera. A screen may take its place.
    Video,
    /// The screen that is [shared](crate::Participant::share), beside the video.
    Screen,
    /// The audio of the shared screen.
    ScreenAudio,
    /// A further track; see [`Slot::audio`] and [`Slot::video`].
    Named(NamedSlot),
}

/// The slot of a named track.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NamedSlot {
    kind: MediaKind,
    name: Arc<str>,
}

/// The caller's fault: a track cannot have that name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "`{0}` is not a track name: expected 1 to 24 ASCII letters, digits, hyphens and underscores, \
     except audio, video, screen and screen-audio"
)]
pub struct SlotNameError(pub String);

impl Slot {
    /// Creates the slot of a further audio track, such as a second microphone. The name has 1 to 24
    /// ASCII letters, digits, hyphens and underscores.
    ///
    /// # Errors
    ///
    /// The name has another form, or is one of `audio`, `video`, `screen` and `screen-audio`.
    pub fn audio(name: &str) -> Result<Self, SlotNameError> {
        NamedSlot::new(MediaKind::Audio, name).map(Self::Named)
    }

    /// Creates the slot of a further video track, such as a second camera. Pages play it together
    /// with the [audio](Self::audio) of the same name.
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

    /// The name, which a slot of the other kind may have too.
    pub fn name(&self) -> &str {
        match self {
            Self::Audio => AUDIO,
            Self::Video => VIDEO,
            Self::Screen => SCREEN,
            Self::ScreenAudio => SCREEN_AUDIO,
            Self::Named(slot) => &slot.name,
        }
    }

    /// The slot of that kind and name; `None` if it cannot exist.
    pub(crate) fn of(kind: MediaKind, name: &str) -> Option<Self> {
        match (kind, name) {
            (MediaKind::Audio, AUDIO) => Some(Self::Audio),
            (MediaKind::Audio, SCREEN_AUDIO) => Some(Self::ScreenAudio),
            (MediaKind::Video, VIDEO) => Some(Self::Video),
            (MediaKind::Video, SCREEN) => Some(Self::Screen),
            (kind, name) => NamedSlot::new(kind, name).map(Self::Named).ok(),
        }
    }

    /// The kind of source that is announced to the others for this slot.
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

/// The unique text of a slot, as in the state of a participant: `video`, or `video:desk`.
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
/// Together with a UUID, it fits into an SDP id of up to 64 characters (RFC 8830 section 2).
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
