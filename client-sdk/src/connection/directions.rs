//! In which directions media flows, section by section of the descriptions.

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpTransceiver;

use super::senders::Senders;
use crate::wanted::Wanted;

/// Before an offer: what is sent is offered, and what is wanted is asked for, so that the other side
/// has a place for its own.
pub(super) async fn offer(
    pc: &dyn PeerConnection,
    senders: &Senders,
    wanted: Wanted,
) -> Result<()> {
    let remote = pc.remote_description().await.map(|remote| remote.sdp).unwrap_or_default();
    let mut missing = vec![RtpCodecKind::Audio, RtpCodecKind::Video];
    for transceiver in pc.get_transceivers().await {
        let transceiver = transceiver.as_ref();
        let Some(kind) = kind(transceiver, &remote).await? else { continue };
        missing.retain(|missing| *missing != kind);
        let sends = senders.send_over(transceiver).await?;
        let receives = contains(wanted, kind);
        transceiver.set_direction(direction(sends, receives)).await?;
    }
    for kind in missing.into_iter().filter(|kind| contains(wanted, *kind)) {
        let direction = RTCRtpTransceiverDirection::Recvonly;
        let init = RTCRtpTransceiverInit { direction, ..RTCRtpTransceiverInit::default() };
        pc.add_transceiver_from_kind(kind, Some(init)).await?;
    }
    Ok(())
}

/// Before the answer to an offer, which is applied already: webrtc-rs would answer with directions
/// that the offer does not allow, and with those of before.
pub(super) async fn answer(
    pc: &dyn PeerConnection,
    senders: &Senders,
    wanted: Wanted,
    offer: &str,
) -> Result<()> {
    for transceiver in pc.get_transceivers().await {
        let transceiver = transceiver.as_ref();
        let Some(mid) = transceiver.mid().await? else { continue };
        let Some(section) = Section::find(offer, &mid) else { continue };
        let sends = section.direction.has_recv() && senders.send_over(transceiver).await?;
        let receives = section.direction.has_send() && contains(wanted, section.kind);
        if !sends && !receives {
            // webrtc-rs may give two formats one number, which browsers refuse.
            transceiver.set_codec_preferences(Vec::new()).await?;
        }
        transceiver.set_direction(direction(sends, receives)).await?;
    }
    Ok(())
}

/// Of one that the other side has begun, only its description tells.
async fn kind(transceiver: &dyn RtpTransceiver, remote: &str) -> Result<Option<RtpCodecKind>> {
    if let Some(receiver) = transceiver.receiver().await? {
        return Ok(Some(receiver.track().kind().await));
    }
    if let Some(sender) = transceiver.sender().await? {
        return Ok(Some(sender.track().kind().await));
    }
    let mid = transceiver.mid().await?;
    Ok(mid.and_then(|mid| Section::find(remote, &mid)).map(|section| section.kind))
}

fn contains(wanted: Wanted, kind: RtpCodecKind) -> bool {
    match kind {
        RtpCodecKind::Audio => wanted.audio,
        RtpCodecKind::Video => wanted.video,
        _ => false,
    }
}

fn direction(sends: bool, receives: bool) -> RTCRtpTransceiverDirection {
    match (sends, receives) {
        (true, true) => RTCRtpTransceiverDirection::Sendrecv,
        (true, false) => RTCRtpTransceiverDirection::Sendonly,
        (false, true) => RTCRtpTransceiverDirection::Recvonly,
        (false, false) => RTCRtpTransceiverDirection::Inactive,
    }
}

/// A media section of a description (RFC 8866 section 5.14).
#[derive(Debug, Eq, PartialEq)]
struct Section {
    kind: RtpCodecKind,
    direction: RTCRtpTransceiverDirection,
}

impl Section {
    fn find(sdp: &str, mid: &str) -> Option<Self> {
        let is_it = |section: &&str| {
            let mut mids = section.lines().filter_map(|line| line.strip_prefix("a=mid:"));
            mids.any(|own| own.trim_end() == mid)
        };
        let section = sdp.split("\nm=").skip(1).find(is_it)?;
        let direction = section.lines().find_map(|line| match line.trim_end() {
            "a=sendrecv" => Some(RTCRtpTransceiverDirection::Sendrecv),
            "a=sendonly" => Some(RTCRtpTransceiverDirection::Sendonly),
            "a=recvonly" => Some(RTCRtpTransceiverDirection::Recvonly),
            "a=inactive" => Some(RTCRtpTransceiverDirection::Inactive),
            _ => None,
        });
        let kind = section.split(' ').next().unwrap_or_default().into();
        Some(Self { kind, direction: direction.unwrap_or(RTCRtpTransceiverDirection::Sendrecv) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_has_a_kind_and_a_direction() {
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=mid:0\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:10\r\na=inactive\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n";
        let found = |mid| Section::find(offer, mid).map(|found| (found.kind, found.direction));
        assert_eq!(
            [found("0"), found("10"), found("1"), found("2")],
            [
                Some((RtpCodecKind::Audio, RTCRtpTransceiverDirection::Sendonly)),
                Some((RtpCodecKind::Video, RTCRtpTransceiverDirection::Inactive)),
                Some((RtpCodecKind::Video, RTCRtpTransceiverDirection::Sendrecv)),
                None,
            ]
        );
    }
}
