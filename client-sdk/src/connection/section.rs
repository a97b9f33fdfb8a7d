//! The media sections of descriptions (RFC 8866 section 5.14).

use rtc::rtp_transceiver::RTCRtpTransceiverDirection;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use uuid::Uuid;

use crate::media::MediaKind;
use crate::slot::Slot;

/// A media section of a description.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Section {
    pub(super) kind: RtpCodecKind,
    pub(super) direction: RTCRtpTransceiverDirection,
    /// The slot of the sender's track, if the section names one.
    pub(super) slot: Option<Slot>,
}

impl Section {
    /// The ids of the sections, in order.
    pub(super) fn mids(sdp: &str) -> impl Iterator<Item = &str> {
        sdp.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(str::trim_end)
    }

    pub(super) fn find(sdp: &str, mid: &str) -> Option<Self> {
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
        let mut tracks = section.lines().filter_map(|line| line.strip_prefix("a=msid:"));
        // RFC 8830 section 2: the stream, and then the track.
        let track = tracks.next().and_then(|msid| msid.trim_end().split_once(' '));
        Some(Self {
            kind,
            direction: direction.unwrap_or(RTCRtpTransceiverDirection::Sendrecv),
            slot: track.and_then(|(_, track)| slot(kind, track)),
        })
    }
}

/// A new id for a track in that slot. Browsers refuse an SDP that contains a track id twice, so no
/// id is used again.
pub(super) fn track_id(slot: &Slot) -> String {
    format!("{}.{}", slot.name(), Uuid::new_v4())
}

/// The slot of a track with that id; `None` for ids that this crate did not make.
fn slot(kind: RtpCodecKind, track_id: &str) -> Option<Slot> {
    let (name, number) = track_id.rsplit_once('.')?;
    let kind = match kind {
        RtpCodecKind::Audio => MediaKind::Audio,
        RtpCodecKind::Video => MediaKind::Video,
        _ => return None,
    };
    number.parse::<Uuid>().ok()?;
    Slot::of(kind, name)
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

    #[test]
    fn the_slot_is_read_from_the_ids_of_this_crate_alone() {
        let read = |media: &str, track: &str| {
            let section =
                format!("v=0\r\nm={media} 9 X 96\r\na=mid:0\r\na=msid:stream {track}\r\n");
            Section::find(&section, "0").unwrap().slot
        };
        let desk = Slot::video("desk").unwrap();
        assert_eq!(read("video", &track_id(&desk)), Some(desk));
        assert_eq!(read("audio", &track_id(&Slot::ScreenAudio)), Some(Slot::ScreenAudio));
        let id = Uuid::new_v4().to_string();
        for foreign in [id.clone(), format!("{{{id}}}"), "video.1".into(), format!("a b.{id}")] {
            assert_eq!(read("video", &foreign), None, "{foreign}");
        }
        assert_eq!(read("video", &track_id(&Slot::Audio)), None);
    }
}
