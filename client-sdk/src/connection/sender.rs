//! Sends what a player plays over one connection.

use std::sync::Arc;
use std::time::Instant;

use rtc::media::Sample;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;
use webrtc::error::Result;
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

use super::keyframe::is_keyframe_request;
use crate::media::{Frame, MediaKind, Player};

/// A track of one connection and the player that feeds it.
pub(super) struct Sender {
    track: Arc<TrackLocalStaticSample>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    mime_type: &'static str,
    player: Arc<Player>,
}

impl Sender {
    /// Adds a track; a track belongs to one connection, the frames are shared.
    pub(super) async fn add(pc: &dyn PeerConnection, kind: MediaKind, player: Arc<Player>) -> Result<Self> {
        let (kind, mime_type, clock_rate, channels) = match kind {
            MediaKind::Audio => (RtpCodecKind::Audio, MIME_TYPE_OPUS, 48_000, 2),
            MediaKind::Video => (RtpCodecKind::Video, MIME_TYPE_VP8, 90_000, 0),
        };
        let ssrc = rand::random();
        let codec =
            RTCRtpCodec { mime_type: mime_type.to_owned(), clock_rate, channels, ..RTCRtpCodec::default() };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..RTCRtpCodingParameters::default()
            },
            codec,
            ..RTCRtpEncodingParameters::default()
        };
        // Browsers refuse an SDP in which a track id comes twice, so none is ever used again.
        let id = || Uuid::new_v4().to_string();
        let track = MediaStreamTrack::new(id(), id(), mime_type.to_owned(), kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticSample::new(Instant::now(), track)?);
        let sender = pc.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await?;
        Ok(Self { track, sender, ssrc, mime_type, player })
    }

    /// Sends from the next keyframe on, until the connection is closed.
    pub(super) async fn run(self) {
        let Some(payload_type) = self.payload_type().await else {
            tracing::debug!(codec = self.mime_type, "the other side takes no such media");
            return;
        };
        let mut frames = self.player.subscribe();
        self.player.request_keyframe();
        let mut waits_for_keyframe = true;
        loop {
            tokio::select! {
                frame = frames.recv() => match frame {
                    Ok(frame) if waits_for_keyframe && !frame.is_key => {}
                    Ok(frame) => {
                        waits_for_keyframe = false;
                        self.write(frame, payload_type).await;
                    }
                    Err(RecvError::Lagged(_)) => {
                        waits_for_keyframe = true;
                        self.player.request_keyframe();
                    }
                    Err(RecvError::Closed) => return,
                },
                event = self.track.poll() => match event {
                    Some(TrackLocalEvent::OnRtcpPacket(packets)) => {
                        if packets.iter().any(|packet| is_keyframe_request(packet.as_ref())) {
                            self.player.request_keyframe();
                        }
                    }
                    Some(_) => {}
                    None => return,
                },
            }
        }
    }

    async fn write(&self, frame: Frame, payload_type: u8) {
        let now = Instant::now();
        let sample = Sample { data: frame.data, duration: frame.duration, ..Sample::new(now) };
        if let Err(error) = self.track.write_sample(self.ssrc, payload_type, &sample, &[]).await {
            tracing::trace!(%error, "a frame was not sent");
        }
    }

    /// What the negotiation called this codec.
    async fn payload_type(&self) -> Option<u8> {
        let parameters = self.sender.get_parameters().await.ok()?.rtp_parameters;
        let codec = parameters
            .codecs
            .iter()
            .find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(self.mime_type))?;
        Some(codec.payload_type)
    }
}
