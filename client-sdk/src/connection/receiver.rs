//! Receives one track of one connection.

use std::sync::Arc;
use std::time::Duration;

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::event::{ConnectionEvent, EventSender};
use super::level_extension::LevelExtension;
use super::receive_counters::ReceiveCounters;
use super::rtcp_reports::RtcpReports;
use crate::media::{AudioLevel, Codec, MediaKind};
use crate::session::TrackSource;
use crate::speakers::Meter;
use crate::track::{RemoteTrack, RtpPacket, TrackFeed};

/// What the last negotiation says about a track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Negotiated {
    pub(super) is_sent: bool,
    pub(super) source: Option<TrackSource>,
}

/// Hands a track to the application and feeds it until it ends, again if it begins again.
///
/// It goes on reading when the application does not: webrtc-rs would log an error for each packet
/// that is left.
pub(super) async fn receive(
    track: Arc<dyn TrackRemote>,
    mut negotiated: watch::Receiver<Negotiated>,
    counters: ReceiveCounters,
    reports: RtcpReports,
    levels: LevelExtension,
    mut meter: Meter,
    events: EventSender,
) {
    let kind = match track.kind().await {
        RtpCodecKind::Audio => MediaKind::Audio,
        RtpCodecKind::Video => MediaKind::Video,
        _ => return,
    };
    if kind == MediaKind::Video {
        // The library may lose the first packet, and with it the keyframe.
        request_keyframe(track.as_ref()).await;
    }
    let keyframe_wanted = Arc::new(Notify::new());
    let mut requested = Instant::now();
    let first = *negotiated.borrow_and_update();
    let mut feed = None;
    if first.is_sent {
        let opened =
            open_feed(track.as_ref(), kind, first.source, &reports, &keyframe_wanted, &events);
        feed = Some(opened.await);
    }
    loop {
        tokio::select! {
            event = track.poll() => match event {
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                    let Negotiated { is_sent, source } = *negotiated.borrow();
                    if !is_sent {
                        continue;
                    }
                    if feed.is_none() {
                        // What came before the negotiation was over, perhaps a keyframe, was left
                        // out.
                        if kind == MediaKind::Video {
                            request_keyframe(track.as_ref()).await;
                        }
                        let opened = open_feed(
                            track.as_ref(),
                            kind,
                            source,
                            &reports,
                            &keyframe_wanted,
                            &events,
                        );
                        feed = Some(opened.await);
                    }
                    if let Some(feed) = &feed {
                        counters.count(kind, feed.codec(), &packet, std::time::Instant::now());
                        let level = levels.read(&packet.header);
                        if let Some(level) = level && source != Some(TrackSource::Screen) {
                            meter.hear(level, Instant::now());
                        }
                        feed.push(rtp_packet(packet, level));
                    }
                }
                Some(TrackRemoteEvent::OnEnded) | None => return,
                Some(_) => {}
            },
            () = keyframe_wanted.notified() => {
                if kind == MediaKind::Video && requested.elapsed() >= KEYFRAME_PAUSE {
                    requested = Instant::now();
                    request_keyframe(track.as_ref()).await;
                }
            }
            changed = negotiated.changed() => {
                if changed.is_err() {
                    return;
                }
                if !negotiated.borrow().is_sent {
                    feed = None;
                }
            }
        }
    }
}

/// Hands a track to the application and returns what feeds it.
async fn open_feed(
    track: &dyn TrackRemote,
    kind: MediaKind,
    source: Option<TrackSource>,
    reports: &RtcpReports,
    keyframe_wanted: &Arc<Notify>,
    events: &EventSender,
) -> TrackFeed {
    let codec = codec(track).await;
    let ssrc = track.ssrcs().await.first().copied();
    let clock = ssrc.map(|ssrc| reports.clock(ssrc)).unwrap_or_default();
    let (track, feed) =
        RemoteTrack::new(events.peer, kind, source, codec, clock, Arc::clone(keyframe_wanted));
    events.send(ConnectionEvent::Track(track)).await;
    feed
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

async fn request_keyframe(track: &dyn TrackRemote) {
    for media_ssrc in track.ssrcs().await {
        let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
        if let Err(error) = track.write_rtcp(vec![Box::new(request)]).await {
            tracing::debug!(%error, "a keyframe was not requested");
        }
    }
}

const KEYFRAME_PAUSE: Duration = Duration::from_millis(500);
