//! Audio and video of other participants.

mod direct;
mod frames;
mod payload;
#[cfg(feature = "opus")]
mod pcm;
mod rtp_time;
mod sender_clock;
mod sequence;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use signal_core::ParticipantId;
use tokio::sync::{Notify, mpsc};

use self::direct::Direct;
pub use self::frames::{RemoteFrame, RemoteFrames};
#[cfg(feature = "opus")]
pub use self::pcm::{PcmChunk, PcmReceiver};
pub(crate) use self::rtp_time::RtpTime;
pub(crate) use self::sender_clock::SenderClock;
pub(crate) use self::sequence::SequenceCounter;
use crate::media::{AudioLevel, Codec, MediaKind};
use crate::session::TrackSource;
use crate::slot::Slot;

/// An RTP packet (RFC 3550 section 5.1) as it arrived, decrypted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RtpPacket {
    /// The sequence number, which rises by one with each packet and wraps. Gaps are losses.
    pub sequence_number: u16,
    /// The timestamp, in units of the codec's clock: 48 kHz for Opus, 90 kHz for video.
    pub timestamp: u32,
    /// Whether this is the last packet of a video frame.
    pub marker: bool,
    /// The payload type that was negotiated for the codec.
    pub payload_type: u8,
    /// The audio level, if it is sound and its sender adds it (RFC 6464), as browsers do.
    pub level: Option<AudioLevel>,
    /// The codec's payload.
    pub payload: Bytes,
}

/// An audio or video track of another participant.
///
/// Up to 512 packets wait for [`recv`](Self::recv). Further ones are dropped and
/// [counted](Self::dropped).
pub struct RemoteTrack {
    participant: ParticipantId,
    kind: MediaKind,
    slot: Option<Slot>,
    source: Option<TrackSource>,
    codec: Option<Codec>,
    clock: SenderClock,
    keyframe_wanted: Arc<Notify>,
    packets: mpsc::Receiver<RtpPacket>,
    direct: Direct,
    taken: SequenceCounter,
    dropped: Arc<AtomicU64>,
}

/// The sending end of a track, which the connection has. The track ends when this is dropped.
pub(crate) struct TrackFeed {
    packets: mpsc::Sender<RtpPacket>,
    direct: Direct,
    dropped: Arc<AtomicU64>,
}

impl RtpPacket {
    /// Whether a keyframe of that codec begins with this packet; true for all audio.
    pub fn begins_keyframe(&self, codec: Codec) -> bool {
        payload::begins_keyframe(codec, &self.payload)
    }
}

impl RemoteTrack {
    /// Creates a track and its feed. `clock` is the clock of its sender, and `keyframe_wanted` is
    /// notified when the application requests a keyframe.
    pub(crate) fn new(
        participant: ParticipantId,
        kind: MediaKind,
        slot: Option<Slot>,
        source: Option<TrackSource>,
        codec: Option<Codec>,
        clock: SenderClock,
        keyframe_wanted: Arc<Notify>,
    ) -> (Self, TrackFeed) {
        let (sender, packets) = mpsc::channel(MAX_PACKETS);
        let (direct, dropped) = (Direct::default(), Arc::new(AtomicU64::new(0)));
        let feed =
            TrackFeed { packets: sender, direct: direct.clone(), dropped: Arc::clone(&dropped) };
        let taken = SequenceCounter::default();
        let track = Self {
            participant,
            kind,
            slot,
            source,
            codec,
            clock,
            keyframe_wanted,
            packets,
            direct,
            taken,
            dropped,
        };
        (track, feed)
    }

    /// Waits for the next packet; `None` when the track has ended. Safe to cancel.
    pub async fn recv(&mut self) -> Option<RtpPacket> {
        let packet = self.packets.recv().await?;
        self.taken.count(packet.sequence_number);
        Some(packet)
    }

    /// Calls `each` with every packet and its arrival time, until the track has ended. Packets
    /// neither wait nor wake a task, so none is dropped. Use this to measure hundreds of tracks.
    ///
    /// `each` runs on the task of the connection, so it must not block. Cancelling this ends the
    /// track for the application.
    pub async fn for_each(mut self, each: impl FnMut(RtpPacket, Instant) + Send + 'static) {
        let taken = self.direct.take_over(Box::new(each), || self.packets.try_recv().ok());
        while let Some(packet) = self.packets.recv().await {
            taken.push(packet, Instant::now());
        }
    }

    /// Converts the track to whole frames.
    ///
    /// # Errors
    ///
    /// Returns the track itself if its [`codec`](Self::codec) is unknown.
    pub fn into_frames(self) -> Result<RemoteFrames, Self> {
        match self.codec {
            Some(codec) => Ok(RemoteFrames::new(self, codec)),
            None => Err(self),
        }
    }

    /// Requests a keyframe from the other side (RFC 4585 section 6.3.1), at most twice a second.
    pub fn request_keyframe(&self) {
        self.keyframe_wanted.notify_one();
    }

    /// The notification that requests a keyframe.
    pub(crate) fn keyframe_wanted(&self) -> Arc<Notify> {
        Arc::clone(&self.keyframe_wanted)
    }

    /// The participant who sends it.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// The slot of its sender, which identifies the track; `None` unless the sender uses this
    /// crate.
    ///
    /// A screen that takes the video's place has the slot of the video.
    pub fn slot(&self) -> Option<&Slot> {
        self.slot.as_ref()
    }

    /// The kind of its source when it began; `None` if the other side did not announce it, which v1
    /// clients never do.
    pub fn source(&self) -> Option<TrackSource> {
        self.source
    }

    /// The codec; `None` if this crate does not know it.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// The number of packets that were dropped because the application did not take them in time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The number of packets that the network lost: the gaps in the sequence numbers of the taken
    /// packets, less those that were [dropped](Self::dropped).
    pub fn lost(&self) -> u64 {
        self.taken.lost().saturating_sub(self.dropped())
    }
}

impl TrackFeed {
    /// Hands over a packet that arrived at that time, or drops and counts it if too many wait.
    pub(crate) fn push(&self, packet: RtpPacket, arrived: Instant) {
        let Some(packet) = self.direct.push(packet, arrived) else { return };
        if self.packets.try_send(packet).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for RemoteTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTrack")
            .field("participant", &self.participant)
            .field("kind", &self.kind)
            .field("slot", &self.slot)
            .field("source", &self.source)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

const MAX_PACKETS: usize = 512;
