//! Statistics of a connection to another participant.

use std::time::Duration;

use crate::media::{Codec, MediaKind};

/// Statistics of a connection, counted since it was opened. Bit rates cover the time since the last
/// query.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PeerStats {
    /// The route that packets take; `None` before there is one.
    pub route: Option<Route>,
    /// The last round-trip time that ICE measured.
    pub round_trip: Option<Duration>,
    /// From opening the connection, on this side, until ICE found a path for the first time.
    pub ice_took: Option<Duration>,
    /// From there until the two sides agreed on keys (DTLS).
    pub dtls_took: Option<Duration>,
    /// Bits a second received: media and data, without the headers of UDP and IP.
    pub bitrate_in: u64,
    /// Bits a second that have left this machine, counted in the same way.
    pub bitrate_out: u64,
    /// The received audio and video, by stream.
    pub received: Vec<ReceivedStats>,
    /// The sent audio and video, by stream.
    pub sent: Vec<SentStats>,
}

/// The route that packets take.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Route {
    /// From one participant to the other.
    Direct,
    /// Through a TURN server on either side.
    Relayed,
}

/// A received stream, as this side counts it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReceivedStats {
    /// Audio or video.
    pub kind: MediaKind,
    /// The codec; `None` if this crate does not know it.
    pub codec: Option<Codec>,
    /// Packets received.
    pub packets: u64,
    /// Bytes of payload received.
    pub bytes: u64,
    /// Bits a second of payload.
    pub bitrate: u64,
    /// Packets missing. Late packets and those sent again do not count.
    pub lost: u64,
    /// The interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// Pictures, or packets of sound.
    pub frames: u64,
}

/// A sent stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SentStats {
    /// Audio or video.
    pub kind: MediaKind,
    /// Packets sent.
    pub packets: u64,
    /// Bytes of payload sent.
    pub bytes: u64,
    /// Bits a second of payload.
    pub bitrate: u64,
    /// The last report of the other side; `None` before the first.
    pub reported: Option<Reported>,
}

/// What the other side reports about a stream (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reported {
    /// Packets missing there in total.
    pub lost: u64,
    /// The share of packets lost since the report before, from 0 to 1.
    pub fraction_lost: f64,
    /// The interarrival jitter there.
    pub jitter: Duration,
}
