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
    /// Rises by one with each packet and wraps; gaps are losses.
    pub sequence_number: u16,
    /// The timestamp, in units of the codec's clock: 48 kHz for Opus, 90 kHz for video.
    pub timestamp: u32,
    /// Whether this is the last packet of a picture.
    pub marker: bool,
    /// The number that the negotiation gave the codec.
    pub payload_type: u8,
    /// How loud it is, if it is sound and its sender says so (RFC 6464), as browsers do.
    pub level: Option<AudioLevel>,
    /// The codec's payload.
    pub payload: Bytes,
}

/// The audio or video of one participant.
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

/// The connection's end of a track. The track ends when this is dropped.
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
    /// A track and what feeds it; `clock` is that of its sender, and `keyframe_wanted` is notified
    /// when the application asks for a keyframe.
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

    /// Hands each packet to `each` with the time at which it arrived, until the track has ended.
    /// None waits, so none is dropped, and no task is woken for it: this is for whoever counts the
    /// packets of hundreds of tracks.
    ///
    /// `each` runs on the task that carries the connection, so it must not block. Cancelling this
    /// ends the track for the application.
    pub async fn for_each(mut self, each: impl FnMut(RtpPacket, Instant) + Send + 'static) {
        let taken = self.direct.take_over(Box::new(each), || self.packets.try_recv().ok());
        while let Some(packet) = self.packets.recv().await {
            taken.push(packet, Instant::now());
        }
    }

    /// Turns the track into one of whole frames.
    ///
    /// # Errors
    ///
    /// The track itself, if its [`codec`](Self::codec) is unknown.
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

    /// What is notified to ask for a keyframe.
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

    /// Where its sender sends it, which names the track; `None` unless the sender uses this crate.
    ///
    /// A screen that takes the video's place comes in the slot of the video.
    pub fn slot(&self) -> Option<&Slot> {
        self.slot.as_ref()
    }

    /// The kind of source that it had when it began; `None` if the other side did not say. Clients
    /// that know only the first version of the protocol do not.
    pub fn source(&self) -> Option<TrackSource> {
        self.source
    }

    /// The codec; `None` if this crate does not know it.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// How many packets were dropped because the application did not take them in time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many packets are missing that the network lost: the gaps in the sequence numbers of
    /// those that were taken, less those that were [dropped](Self::dropped).
    pub fn lost(&self) -> u64 {
        self.taken.lost().saturating_sub(self.dropped())
    }
}

impl TrackFeed {
    /// Hands a packet over that arrived at that time, or drops and counts it if the application
    /// takes too few.
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
