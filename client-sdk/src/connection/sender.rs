//! Sends the frames of a player over one connection.

use std::pin::pin;
use std::sync::Arc;

use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_AV1, MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_VP8, MIME_TYPE_VP9,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::watch;
use tokio::time::Instant;
use webrtc::error::Result;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

use super::keyframe::is_keyframe_request;
use super::level_extension::LevelExtension;
use super::outlet::{Outlet, Packets};
use super::packetizer::Packetizer;
use super::rtp_clock::RtpClock;
use super::section::track_id;
use super::sender_reports::SentClocks;
use crate::media::{Codec, MediaKind, Player};
use crate::slot::Slot;

/// One track of one connection, and the player that feeds it.
pub(super) struct Sender {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    format: Format,
    players: watch::Receiver<Arc<Player>>,
    levels: LevelExtension,
    clocks: SentClocks,
}

impl Sender {
    /// Adds a track. Each connection has tracks of its own; the frames are shared.
    ///
    /// The track follows `players` without a negotiation, so all of them have the same codec.
    pub(super) async fn add(
        pc: &dyn PeerConnection,
        players: watch::Receiver<Arc<Player>>,
        slot: &Slot,
        stream_id: String,
        levels: LevelExtension,
        clocks: SentClocks,
    ) -> Result<Self> {
        let codec = players.borrow().codec();
        let format = Format::of(codec);
        let kind = match codec.kind() {
            MediaKind::Audio => RtpCodecKind::Audio,
            MediaKind::Video => RtpCodecKind::Video,
        };
        let ssrc = rand::random();
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..RTCRtpCodingParameters::default()
            },
            codec: format.codec(),
            ..RTCRtpEncodingParameters::default()
        };
        let (id, label) = (track_id(slot), format.mime_type.to_owned());
        let track = MediaStreamTrack::new(stream_id, id, label, kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let sender = pc.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await?;
        offer_all_codecs(pc, sender.as_ref()).await?;
        Ok(Self { track, sender, ssrc, format, players, levels, clocks })
    }

    /// The sender by which the track is removed.
    pub(super) fn rtp(&self) -> Arc<dyn RtpSender> {
        Arc::clone(&self.sender)
    }

    /// The payload type of this codec; `None` before the negotiation is over, or if the other side
    /// has not accepted the codec.
    pub(super) async fn payload_type(&self) -> Option<u8> {
        let parameters = self.sender.get_parameters().await.ok()?.rtp_parameters;
        let codec = parameters.codecs.iter().find(|codec| self.format.is(&codec.rtp_codec))?;
        Some(codec.payload_type)
    }

    /// Sends from the last keyframe on, until the connection is closed or this is dropped. The
    /// players write the packets; only RTCP of the other side and a full connection wake this task.
    pub(super) async fn run(mut self, payload_type: u8) {
        let Ok(payloader) = self.format.codec().payloader() else { return };
        let clock = RtpClock::new(self.format.clock_rate, Instant::now());
        self.clocks.insert(self.ssrc, clock);
        let packetizer = Packetizer::new(payloader, self.ssrc, payload_type, clock);
        let packets = Packets::new(Arc::clone(&self.track));
        let outlet = Outlet::new(packetizer, self.levels.clone(), Arc::clone(&packets));
        let mut subscription = self.players.borrow_and_update().admit(Box::new(outlet));
        let mut late = pin!(packets.write_late());
        loop {
            tokio::select! {
                never = &mut late => match never {},
                changed = self.players.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.players.borrow_and_update().take_over(&mut subscription);
                }
                event = self.track.poll() => match event {
                    Some(TrackLocalEvent::OnRtcpPacket(packets)) => {
                        if packets.iter().any(|packet| is_keyframe_request(packet.as_ref())) {
                            subscription.request_keyframe();
                        }
                    }
                    Some(_) => {}
                    None => return,
                },
            }
        }
    }
}

/// A codec as webrtc-rs describes it.
#[derive(Clone, Copy)]
struct Format {
    mime_type: &'static str,
    clock_rate: u32,
    channels: u16,
    /// The SDP parameter that distinguishes it from other formats of the same codec.
    parameter: Option<Parameter>,
}

#[derive(Clone, Copy)]
struct Parameter {
    name: &'static str,
    value: &'static str,
    /// The value if SDP does not contain the parameter.
    default: &'static str,
}

impl Format {
    fn of(codec: Codec) -> Self {
        let parameter = |name, value, default| Some(Parameter { name, value, default });
        let (mime_type, parameter) = match codec {
            Codec::Av1 => (MIME_TYPE_AV1, parameter("profile", "0", "0")),
            // Only this mode allows fragmented pictures (RFC 6184 section 6.3).
            Codec::H264 => (MIME_TYPE_H264, parameter("packetization-mode", "1", "0")),
            Codec::Opus => (MIME_TYPE_OPUS, None),
            Codec::Vp8 => (MIME_TYPE_VP8, None),
            Codec::Vp9 => (MIME_TYPE_VP9, parameter("profile-id", "0", "0")),
        };
        let channels = match codec.kind() {
            MediaKind::Audio => 2,
            MediaKind::Video => 0,
        };
        let clock_rate = codec.kind().clock_rate();
        Self { mime_type, clock_rate, channels, parameter }
    }

    fn codec(self) -> RTCRtpCodec {
        RTCRtpCodec {
            mime_type: self.mime_type.to_owned(),
            clock_rate: self.clock_rate,
            channels: self.channels,
            ..RTCRtpCodec::default()
        }
    }

    fn is(self, codec: &RTCRtpCodec) -> bool {
        let is_met = |parameter: Parameter| {
            let mut written =
                codec.sdp_fmtp_line.split(';').filter_map(|pair| pair.trim().split_once('='));
            let value = written.find(|(name, _)| *name == parameter.name).map(|(_, value)| value);
            value.unwrap_or(parameter.default) == parameter.value
        };
        codec.mime_type.eq_ignore_ascii_case(self.mime_type) && self.parameter.is_none_or(is_met)
    }
}

/// Allows every codec on a transceiver again. webrtc-rs restricts it to that of the track, but the
/// other side may send another one.
async fn offer_all_codecs(pc: &dyn PeerConnection, sender: &dyn RtpSender) -> Result<()> {
    for transceiver in pc.get_transceivers().await {
        if transceiver.sender().await?.is_some_and(|own| own.id() == sender.id()) {
            transceiver.set_codec_preferences(Vec::new()).await?;
        }
    }
    Ok(())
}
