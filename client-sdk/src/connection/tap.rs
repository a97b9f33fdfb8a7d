//! The interceptor of this crate, among those of webrtc-rs.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::inbound::Inbound;
use super::keyframe::is_keyframe_request;
use super::rtcp_reports::RtcpReports;
use super::sender_reports::SentClocks;

/// Hands RTP directly to its track, which bypasses two tasks, and keeps the reports of the other
/// side. Marks keyframe requests so that they reach the sender of the video. Corrects the sender
/// reports of this side. Everything else passes.
///
/// Each interceptor costs time for each packet, so there is only one.
pub(super) struct Tap {
    tracks: Inbound,
    reports: RtcpReports,
    clocks: SentClocks,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Tap {
    pub(super) fn new(tracks: Inbound, reports: RtcpReports, clocks: SentClocks) -> Self {
        Self { tracks, reports, clocks, inbound: VecDeque::new(), outbound: VecDeque::new() }
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

    fn handle_write(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &mut tagged.message.packet {
            self.clocks.correct(packets, tagged.now);
        }
        self.outbound.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, stream: &StreamInfo) {
        self.reports.expect(stream.ssrc);
    }

    fn unbind_local_stream(&mut self, stream: &StreamInfo) {
        self.clocks.remove(stream.ssrc);
        self.reports.remove(stream.ssrc);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
