//! An interceptor for incoming packets, behind those of webrtc-rs.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::inbound::Inbound;
use super::keyframe::is_keyframe_request;
use super::rtcp_reports::RtcpReports;

/// Hands RTP directly to its track, which bypasses two tasks, and keeps the reports of the other
/// side. Marks keyframe requests so that they reach the sender of the video. Everything else
/// passes.
pub(super) struct Tap {
    tracks: Inbound,
    reports: RtcpReports,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Tap {
    pub(super) fn new(tracks: Inbound, reports: RtcpReports) -> Self {
        Self { tracks, reports, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        match tagged.message.packet {
            Packet::Rtp(packet) => {
                let Some(packet) = self.tracks.take(packet, tagged.now) else { return Ok(()) };
                tagged.message.packet = Packet::Rtp(packet);
            }
            Packet::Rtcp(ref packets) => {
                packets.iter().for_each(|packet| self.reports.note(packet.as_ref()));
                if packets.iter().any(|packet| is_keyframe_request(packet.as_ref())) {
                    tagged.message.add(Attribute::DeliverToApplication);
                }
            }
            _ => {}
        }
        self.inbound.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.outbound.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
