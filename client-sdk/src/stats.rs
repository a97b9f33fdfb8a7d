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
    /// The time from opening the connection on this side until ICE first found a path.
    pub ice_took: Option<Duration>,
    /// The time from there until the DTLS handshake was done.
    pub dtls_took: Option<Duration>,
    /// The received media and data in bits a second, without the headers of UDP and IP.
    pub bitrate_in: u64,
    /// The sent media and data in bits a second, counted in the same way.
    pub bitrate_out: u64,
    /// The received audio and video, by stream.
    pub received: Vec<ReceivedStats>,
    /// The sent audio and video, by stream.
    pub sent: Vec<SentStats>,
}

/// The route that packets take.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Route {
    /// Directly from one participant to the other.
    Direct,
    /// Through a TURN server on either side.
    Relayed,
}

/// A received stream, measured on this side.
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
    /// The bit rate of the payload in bits a second.
    pub bitrate: u64,
    /// Packets missing. Late and retransmitted packets do not count once they have arrived.
    pub lost: u64,
    /// The interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter: Duration,
    /// Video frames, or audio packets.
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
    /// The bit rate of the payload in bits a second.
    pub bitrate: u64,
    /// The last report of the other side; `None` before the first.
    pub reported: Option<Reported>,
}

/// The other side's report about a stream (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reported {
    /// Packets missing on the other side in total.
    pub lost: u64,
    /// The share of packets lost since the previous report, from 0 to 1.
    pub fraction_lost: f64,
    /// The interarrival jitter on the other side.
    pub jitter: Duration,
}
