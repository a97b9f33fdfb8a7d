//! The formats of media that connections offer and accept.

use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_AV1, MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_PCMA, MIME_TYPE_PCMU, MIME_TYPE_RTX,
    MIME_TYPE_VP8, MIME_TYPE_VP9, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind,
};
use webrtc::error::Result;

/// Registers what this crate can name, and the audio formats that every endpoint has to accept (RFC
/// 7874 section 3).
///
/// The defaults of webrtc-rs are twice as many, and each description and transceiver contains all
/// of them.
pub(super) fn register(media: &mut MediaEngine) -> Result<()> {
    for (mime_type, payload_type, channels, clock_rate, parameters) in AUDIO {
        let rtp_codec = RTCRtpCodec {
            mime_type: mime_type.to_owned(),
            clock_rate,
            channels,
            sdp_fmtp_line: parameters.to_owned(),
            rtcp_feedback: Vec::new(),
        };
        let format = RTCRtpCodecParameters { rtp_codec, payload_type };
        media.register_codec(format, RtpCodecKind::Audio)?;
    }
    for (mime_type, payload_type, retransmitted, parameters) in VIDEO {
        let feedback = FEEDBACK.map(|(typ, parameter)| RTCPFeedback {
            typ: typ.to_owned(),
            parameter: parameter.to_owned(),
        });
        media.register_codec(
            video(mime_type, payload_type, parameters.to_owned(), feedback.into()),
            RtpCodecKind::Video,
        )?;
        // RFC 4588 section 8.6.
        let of = format!("apt={payload_type}");
        let retransmission = video(MIME_TYPE_RTX, retransmitted, of, Vec::new());
        media.register_codec(retransmission, RtpCodecKind::Video)?;
    }
    Ok(())
}

fn video(
    mime_type: &str,
    payload_type: u8,
    sdp_fmtp_line: String,
    rtcp_feedback: Vec<RTCPFeedback>,
) -> RTCRtpCodecParameters {
    let mime_type = mime_type.to_owned();
    let rtp_codec =
        RTCRtpCodec { mime_type, clock_rate: 90_000, channels: 0, sdp_fmtp_line, rtcp_feedback };
    RTCRtpCodecParameters { rtp_codec, payload_type }
}

/// The name, the payload type, the number of channels, the clock rate and the parameters.
const AUDIO: [(&str, u8, u16, u32, &str); 3] = [
    (MIME_TYPE_OPUS, 111, 2, 48_000, "minptime=10;useinbandfec=1"),
    (MIME_TYPE_PCMU, 0, 0, 8000, ""),
    (MIME_TYPE_PCMA, 8, 0, 8000, ""),
];

/// The name, the payload types of packets and of retransmissions, and the parameters.
const VIDEO: [(&str, u8, u8, &str); 6] = [
    (MIME_TYPE_VP8, 96, 97, ""),
    (MIME_TYPE_VP9, 98, 99, "profile-id=0"),
    (MIME_TYPE_H264, 102, 103, H264_42001F),
    (MIME_TYPE_H264, 125, 105, H264_42E01F),
    (MIME_TYPE_H264, 123, 124, H264_640032),
    (MIME_TYPE_AV1, 41, 106, "profile-id=0"),
];

/// Baseline, constrained baseline and high profile, in the mode that allows fragmented pictures.
const H264_42001F: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f";
const H264_42E01F: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
const H264_640032: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640032";

const FEEDBACK: [(&str, &str); 4] =
    [("goog-remb", ""), ("ccm", "fir"), ("nack", ""), ("nack", "pli")];
