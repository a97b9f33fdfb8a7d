//! How well a connection to another participant does.

use std::time::Duration;

use crate::media::{Codec, MediaKind};

/// What is known of a connection, counted from the moment it was opened; bit rates are those of the time since the last
/// question.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PeerStats {
    /// The way that packets take; `None` before there is one.
    pub route: Option<Route>,
    /// To the other side and back, as ICE has measured it last.
    pub round_trip: Option<Duration>,
    /// Bits a second that came, of media and data without the headers of UDP and IP.
    pub bitrate_in: u64,
    /// Bits a second that went out, of the same.
    pub bitrate_out: u64,
    /// The audio and video that has come, each stream for itself.
    pub received: Vec<ReceivedStats>,
    /// The audio and video that was sent, each stream for itself.
    pub sent: Vec<SentStats>,
}

/// The way that packets take.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Route {
    /// From the one to the other.
    Direct,
    /// Through a TURN server, on either side.
    Relayed,
}

/// A stream that comes from the other side, by this side's own count.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReceivedStats {
    /// Audio or video.
    pub kind: MediaKind,
    /// What it is encoded with; `None` for a codec that this crate does not know.
    pub codec: Option<Codec>,
    /// Packets that have come.
    pub packets: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Bits a second of the same.
    pub bitrate: u64,
    /// Packets that are missing; those that came late or were sent again are not.
    pub lost: u64,
    /// How unevenly packets come (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// Pictures, or packets of sound.
    pub frames: u64,
}

/// A stream that goes to the other side.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SentStats {
    /// Audio or video.
    pub kind: MediaKind,
    /// Packets that were sent.
    pub packets: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Bits a second of the same.
    pub bitrate: u64,
    /// What the other side has reported of it last; `None` before it has.
    pub reported: Option<Reported>,
}

/// A report of the other side on what it receives (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reported {
    /// Packets that are missing there in all.
    pub lost: u64,
    /// The share that went missing since the report before, from 0 to 1.
    pub fraction_lost: f64,
    /// How unevenly packets come there.
    pub jitter: Duration,
}
