//! Receives one track of one connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::event::{ConnectionEvent, EventSender};
use super::inbound::{Inbound, Intake};
use super::level_extension::LevelExtension;
use super::receive_counters::ReceiveCounters;
use super::rtcp_reports::RtcpReports;
use crate::media::{AudioLevel, Codec, MediaKind};
use crate::session::TrackSource;
use crate::slot::Slot;
use crate::speakers::Speakers;
use crate::track::{RemoteTrack, RtpPacket};

/// The result of the last negotiation for a track.
#[derive(Clone, Debug)]
pub(super) struct Negotiated {
    pub(super) is_sent: bool,
    pub(super) slot: Option<Slot>,
    pub(super) source: Option<TrackSource>,
}

impl Default for Negotiated {
    fn default() -> Self {
        Self { is_sent: true, slot: None, source: None }
    }
}

/// What the tracks of a connection share.
#[derive(Clone)]
pub(super) struct Reception {
    pub(super) tracks: Inbound,
    pub(super) counters: ReceiveCounters,
    pub(super) reports: RtcpReports,
    pub(super) levels: LevelExtension,
    pub(super) speakers: Speakers,
    pub(super) events: EventSender,
}

/// One track of one connection.
pub(super) struct Receiver {
    pub(super) track: Arc<dyn TrackRemote>,
    pub(super) intake: Intake,
    pub(super) negotiated: watch::Receiver<Negotiated>,
    pub(super) shared: Reception,
}

impl Receiver {
    /// Hands the track to the application until it ends, and again if it starts again.
    ///
    /// Packets go from the driver of webrtc-rs directly to the application. Only rare events wake
    /// this task.
    pub(super) async fn run(mut self) {
        let kind = match self.track.kind().await {
            RtpCodecKind::Audio => MediaKind::Audio,
            RtpCodecKind::Video => MediaKind::Video,
            _ => return,
        };
        // webrtc-rs may lose the first packet, and the keyframe with it.
        self.request_keyframe(kind).await;
        if !self.take_first() {
            return;
        }
        let (keyframe_wanted, mut requested) = (Arc::new(Notify::new()), Instant::now());
        let mut is_open = self.negotiated.borrow_and_update().is_sent;
        let mut slot = None;
        if is_open {
            slot = self.open(kind, &keyframe_wanted).await;
        } else {
            self.intake.close();
        }
        loop {
            tokio::select! {
                event = self.track.poll() => match event {
                    // The packet was retransmitted, or has a new SSRC.
                    Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                        self.shared.tracks.route(packet.header.ssrc, &self.intake);
                        self.intake.take(packet, std::time::Instant::now());
                    }
                    Some(TrackRemoteEvent::OnEnded) | None => return,
                    Some(_) => {}
                },
                () = self.intake.arrived(), if !is_open => {
                    is_open = true;
                    // Packets from before the end of the negotiation, perhaps of a keyframe, were
                    // discarded.
                    self.request_keyframe(kind).await;
                    slot = self.open(kind, &keyframe_wanted).await;
                }
                () = keyframe_wanted.notified() => {
                    if requested.elapsed() >= KEYFRAME_PAUSE {
                        requested = Instant::now();
                        self.request_keyframe(kind).await;
                    }
                }
                changed = self.negotiated.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = self.negotiated.borrow_and_update().clone();
                    // A new track may take the place of one that ended in the same negotiation.
                    if !now.is_sent || (is_open && now.slot != slot) {
                        self.intake.close();
                        is_open = false;
                    }
                    if now.is_sent {
                        self.intake.wait();
                    }
                }
            }
        }
    }

    /// Takes the packets that arrived before webrtc-rs knew their track; `false` if the track has
    /// ended.
    fn take_first(&self) -> bool {
        let mut first = Vec::new();
        while let Some(event) = self.track.poll().now_or_never() {
            match event {
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => first.push(packet),
                Some(TrackRemoteEvent::OnEnded) | None => return false,
                Some(_) => {}
            }
        }
        self.intake.take_first(first, std::time::Instant::now());
        true
    }

    /// Hands the track to the application. Returns its slot.
    async fn open(&self, kind: MediaKind, keyframe_wanted: &Arc<Notify>) -> Option<Slot> {
        let Reception { counters, reports, levels, speakers, events, .. } = self.shared.clone();
        let codec = codec(self.track.as_ref()).await;
        let ssrc = self.track.ssrcs().await.first().copied();
        let clock = ssrc.map(|ssrc| reports.clock(ssrc)).unwrap_or_default();
        let Negotiated { slot, source, .. } = self.negotiated.borrow().clone();
        let wanted = Arc::clone(keyframe_wanted);
        let (track, feed) =
            RemoteTrack::new(events.peer, kind, slot.clone(), source, codec, clock, wanted);
        events.send(ConnectionEvent::Track(track)).await;
        let negotiated = self.negotiated.clone();
        let mut meter = speakers.meter(events.peer, Instant::now());
        let mut takes = events.takes.clone();
        let mut takes_data = takes.borrow_and_update().data;
        self.intake.open(move |packet, now| {
            // A peer that may not publish sends until the next negotiation, or in spite of it.
            if takes.has_changed().unwrap_or(false) {
                takes_data = takes.borrow_and_update().data;
            }
            if !takes_data {
                return;
            }
            counters.count(kind, codec, &packet, now);
            let level = levels.read(&packet.header);
            if let Some(level) = level
                && negotiated.borrow().source != Some(TrackSource::Screen)
            {
                meter.hear(level, now.into());
            }
            feed.push(rtp_packet(packet, level), now);
        });
        slot
    }

    async fn request_keyframe(&self, kind: MediaKind) {
        if kind != MediaKind::Video {
            return;
        }
        for media_ssrc in self.track.ssrcs().await {
            let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
            if let Err(error) = self.track.write_rtcp(vec![Box::new(request)]).await {
                tracing::debug!(%error, "a keyframe was not requested");
            }
        }
    }
}

fn rtp_packet(packet: rtp::Packet, level: Option<AudioLevel>) -> RtpPacket {
    RtpPacket {
        sequence_number: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        payload_type: packet.header.payload_type,
        level,
        payload: packet.payload,
    }
}

/// The codec that was negotiated.
async fn codec(track: &dyn TrackRemote) -> Option<Codec> {
    let ssrc = *track.ssrcs().await.first()?;
    let name = track.codec(ssrc).await?.mime_type.to_ascii_lowercase();
    match name.as_str() {
        "audio/opus" => Some(Codec::Opus),
        "video/av1" => Some(Codec::Av1),
        "video/h264" => Some(Codec::H264),
        "video/vp8" => Some(Codec::Vp8),
        "video/vp9" => Some(Codec::Vp9),
        _ => None,
    }
}

const KEYFRAME_PAUSE: Duration = Duration::from_millis(500);
