//! What both programs send: frames of the same size at the same pace. Nobody decodes them.

use std::time::Duration;

use bytes::Bytes;
use client_sdk::Codec;

/// The media of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Media {
    Sound,
    SoundAndVideo,
}

/// Frames that are all alike.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) codec: Codec,
    pub(crate) frame: Bytes,
    pub(crate) pace: Duration,
}

impl Media {
    pub(crate) const ALL: [Self; 2] = [Self::Sound, Self::SoundAndVideo];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::SoundAndVideo => "sound-and-video",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|media| media.name() == name)
    }

    pub(crate) fn streams(self) -> Vec<Stream> {
        match self {
            Self::Sound => vec![sound()],
            Self::SoundAndVideo => vec![sound(), video()],
        }
    }
}

/// Packets of the size of Opus at 32 kbit/s.
fn sound() -> Stream {
    let pace = Duration::from_millis(20);
    Stream { codec: Codec::Opus, frame: Bytes::from_static(&[0xf8; 80]), pace }
}

/// Pictures of three packets at 600 kbit/s.
fn video() -> Stream {
    let pace = Duration::from_millis(40);
    Stream { codec: Codec::Vp8, frame: Bytes::from_static(&[0x10; 3000]), pace }
}
