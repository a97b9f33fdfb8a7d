//! Receives one track of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::mpsc;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::{Out, Told};
use crate::media::MediaKind;
use crate::track::{RemoteTrack, RtpPacket};

/// Hands a track to the application and feeds it until it ends.
///
/// It goes on reading when the application does not, since webrtc-rs would log an error for each packet left behind.
pub(super) async fn receive(track: Arc<dyn TrackRemote>, out: Out) {
    let kind = match track.kind().await {
        RtpCodecKind::Audio => MediaKind::Audio,
        RtpCodecKind::Video => MediaKind::Video,
        _ => return,
    };
    if kind == MediaKind::Video {
        // The first packet may be lost on the way through the library, and with it the keyframe.
        request_keyframe(track.as_ref()).await;
    }
    let (sender, packets) = mpsc::channel(RemoteTrack::QUEUE_PACKETS);
    let dropped = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&dropped);
    out.tell(Told::Track(RemoteTrack { participant: out.peer, kind, packets, dropped })).await;
    while let Some(event) = track.poll().await {
        match event {
            TrackRemoteEvent::OnRtpPacket(packet) => {
                let packet = RtpPacket {
                    sequence_number: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload_type: packet.header.payload_type,
                    payload: packet.payload,
                };
                if sender.try_send(packet).is_err() {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
            TrackRemoteEvent::OnEnded => return,
            _ => {}
        }
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
