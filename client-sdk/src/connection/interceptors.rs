//! What RTP and RTCP pass on their way through a connection.

use rtc::interceptor::{NackGeneratorBuilder, NackResponderBuilder, Registry, Slot};
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_rtcp_reports, configure_simulcast_extension_headers, configure_twcc_receiver_only,
};
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RtpCodecKind};
use webrtc::error::Result;

use super::rtcp_reports::RtcpReports;
use super::rtcp_tap::RtcpTap;

/// What the library does by default, but that requests for lost packets (RFC 4585 section 6.2.1) come to an end.
///
/// It takes no notice of what was sent again as RTX (RFC 4588), and would go on asking for all that was lost among the
/// last 512 packets ten times a second, which is several times as much as the media itself.
pub(super) fn interceptors(media: &mut MediaEngine, reports: RtcpReports) -> Result<Registry> {
    for parameter in ["", "pli"] {
        let feedback = RTCPFeedback { typ: "nack".to_owned(), parameter: parameter.to_owned() };
        media.register_feedback(feedback, RtpCodecKind::Video);
    }
    let generator = NackGeneratorBuilder::new().with_max_nacks_per_packet(MOST_REQUESTS).build();
    let registry = Registry::new()
        .with(Slot::NackResponder, NackResponderBuilder::new().build())
        .with(Slot::NackGenerator, generator);
    configure_simulcast_extension_headers(media)?;
    let registry = configure_twcc_receiver_only(registry, media)?;
    Ok(configure_rtcp_reports(registry).with(Slot::from(TAP_SLOT), RtcpTap::new(reports)))
}

/// At intervals of 100 ms.
const MOST_REQUESTS: u16 = 4;
/// Behind the interceptors that come with the crate, which act on RTCP first.
const TAP_SLOT: usize = 14_000;
