//! Audio and video of other participants.

mod frames;
mod payload;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use signal_core::ParticipantId;
use tokio::sync::{Notify, mpsc};

pub use self::frames::{RemoteFrame, RemoteFrames};
use crate::media::{Codec, MediaKind};
use crate::session::TrackSource;

/// An RTP packet (RFC 3550 section 5.1) as it arrived, decrypted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RtpPacket {
    /// Rises by one with each packet, wrapping; gaps are losses.
    pub sequence_number: u16,
    /// In units of the codec's clock: 48 kHz for Opus, 90 kHz for video.
    pub timestamp: u32,
    /// Whether this is the last packet of a picture.
    pub marker: bool,
    /// The number that the negotiation gave the codec.
    pub payload_type: u8,
    /// The codec's payload.
    pub payload: Bytes,
}

/// One participant's audio or video.
///
/// The last 512 packets wait for whoever calls [`recv`](Self::recv); beyond that the newest are dropped and counted.
pub struct RemoteTrack {
    pub(crate) participant: ParticipantId,
    pub(crate) kind: MediaKind,
    pub(crate) source: Option<TrackSource>,
    pub(crate) codec: Option<Codec>,
    pub(crate) keyframe_wanted: Arc<Notify>,
    pub(crate) packets: mpsc::Receiver<RtpPacket>,
    pub(crate) dropped: Arc<AtomicU64>,
}

impl RemoteTrack {
    /// Packets that wait at most.
    pub(crate) const QUEUE_PACKETS: usize = 512;

    /// Waits for the next packet; `None` when the track has ended. Safe to cancel.
    pub async fn recv(&mut self) -> Option<RtpPacket> {
        self.packets.recv().await
    }

    /// Gives whole frames from here on; the track itself if its codec is not known.
    ///
    /// # Errors
    ///
    /// [`codec`](Self::codec) is `None`.
    pub fn into_frames(self) -> Result<RemoteFrames, Self> {
        match self.codec {
            Some(codec) => Ok(RemoteFrames::new(self, codec)),
            None => Err(self),
        }
    }

    /// Asks the other side for a keyframe (RFC 4585 section 6.3.1), at most twice a second.
    pub fn request_keyframe(&self) {
        self.keyframe_wanted.notify_one();
    }

    /// Whose it is.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// What it was of when it began, where that is known: only an offer of a newer client tells, no answer.
    pub fn source(&self) -> Option<TrackSource> {
        self.source
    }

    /// What it is encoded with; `None` for a codec that this crate does not know.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// How many packets were dropped because they were not taken.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for RemoteTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTrack")
            .field("participant", &self.participant)
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}
