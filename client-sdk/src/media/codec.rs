//! Codecs.

use std::fmt;

/// Audio or video.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// The RTP clock rate in Hz, which is the same for all codecs of a kind.
    pub(crate) fn clock_rate(self) -> u32 {
        match self {
            Self::Audio => 48_000,
            Self::Video => 90_000,
        }
    }
}

/// A codec that can be sent and received.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Codec {
    /// AV1 (AV1 RTP payload format 1.0): each frame is a temporal unit.
    Av1,
    /// H.264 (RFC 6184), Baseline, Constrained Baseline or High profile, in Annex-B format: each
    /// frame is an access unit, and keyframes contain their parameter sets.
    H264,
    /// Opus (RFC 7587): each frame is a packet.
    Opus,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628), profile 0.
    Vp9,
}

impl Codec {
    /// Whether this is a codec for audio or for video.
    #[must_use]
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Opus => MediaKind::Audio,
            Self::Av1 | Self::H264 | Self::Vp8 | Self::Vp9 => MediaKind::Video,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Av1 => "AV1",
            Self::H264 => "H.264",
            Self::Opus => "Opus",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
        })
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "audio",
            Self::Video => "video",
        })
    }
}
