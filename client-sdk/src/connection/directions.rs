//! The directions of media, for each section of the descriptions.

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpTransceiver;

use super::section::Section;
use super::senders::Senders;
use crate::wanted::Wanted;

/// Sets the directions of an offer: sends the tracks of this side, and receives the wanted kinds,
/// so that the other side has a section for its tracks.
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

/// Adds what an offer lacks on this side, before it is applied: a receiver for each section over
/// which the other side sends nothing yet. webrtc-rs makes none for such a section and adds none
/// later, so what the other side sends there later would never arrive.
pub(super) async fn prepare(pc: &dyn PeerConnection, senders: &Senders, offer: &str) -> Result<()> {
    let (mut known, mut own) = (Vec::new(), Vec::new());
    for transceiver in pc.get_transceivers().await {
        match transceiver.mid().await? {
            Some(mid) => known.push(mid),
            // webrtc-rs uses it for the next section of its kind.
            None if senders.send_over(transceiver.as_ref()).await? => {
                own.extend(kind(transceiver.as_ref(), offer).await?);
            }
            None => {}
        }
    }
    for mid in Section::mids(offer).filter(|mid| known.iter().all(|known| known != mid)) {
        let Some(section) = Section::find(offer, mid) else { continue };
        if !matches!(section.kind, RtpCodecKind::Audio | RtpCodecKind::Video) {
            continue;
        }
        if let Some(place) = own.iter().position(|kind| *kind == section.kind) {
            own.swap_remove(place);
        } else if section.direction == RTCRtpTransceiverDirection::Recvonly {
            let transceiver = pc.add_transceiver_from_kind(section.kind, None).await?;
            // Only a transceiver that could send is used for this section.
            transceiver.set_direction(RTCRtpTransceiverDirection::Sendrecv).await?;
        }
    }
    Ok(())
}

/// Sets the directions of an answer to an offer that is applied already. webrtc-rs itself would
/// answer with earlier directions, or with ones that the offer does not allow.
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
            // webrtc-rs may use one payload type for two formats, which browsers refuse.
            transceiver.set_codec_preferences(Vec::new()).await?;
        }
        transceiver.set_direction(direction(sends, receives)).await?;
    }
    Ok(())
}

/// The kind of media. For a transceiver that the other side has begun, only its description
/// contains it.
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
