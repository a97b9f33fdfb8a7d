//! The interceptors that RTP and RTCP pass through.

use rtc::interceptor::{NackGeneratorBuilder, NackResponderBuilder, Registry, Slot};
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_rtcp_reports, configure_simulcast_extension_headers, configure_twcc_receiver_only,
};
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use webrtc::error::Result;

use super::handler::Handler;
use super::level_extension::LevelExtension;
use super::tap::Tap;

/// The default interceptors, with a limit on the requests for a lost packet (RFC 4585 section
/// 6.2.1).
///
/// webrtc-rs does not notice packets that were sent again as RTX (RFC 4588). It would request all
/// losses among the last 512 packets ten times a second, which is several times as much traffic as
/// the media.
pub(super) fn interceptors(media: &mut MediaEngine, handler: &Handler) -> Result<Registry> {
    for parameter in ["", "pli"] {
        let feedback = RTCPFeedback { typ: "nack".to_owned(), parameter: parameter.to_owned() };
        media.register_feedback(feedback, RtpCodecKind::Video);
    }
    let generator = NackGeneratorBuilder::new().with_max_nacks_per_packet(MAX_REQUESTS).build();
    let registry = Registry::new()
        .with(Slot::NackResponder, NackResponderBuilder::new().with_size(KEPT).build())
        .with(Slot::NackGenerator, generator);
    configure_simulcast_extension_headers(media)?;
    let registry = configure_twcc_receiver_only(registry, media)?;
    let level = RTCRtpHeaderExtensionCapability { uri: LevelExtension::URI.to_owned() };
    media.register_header_extension(level, RtpCodecKind::Audio, None)?;
    let tap = Tap::new(handler.tracks.clone(), handler.reports.clone(), handler.clocks.clone());
    Ok(configure_rtcp_reports(registry).with(Slot::from(TAP_SLOT), tap))
}

/// The requests for one packet, 100 ms apart.
const MAX_REQUESTS: u16 = 4;
/// The packets of each track that are kept to be sent again: more than a second of 4 Mbit/s. Each
/// takes up more than a kilobyte.
const KEPT: u16 = 512;
/// Behind the interceptors of webrtc-rs that act on incoming packets, and before the one that makes
/// sender reports, which pass here on their way to the network.
pub(super) const TAP_SLOT: usize = 10_500;
