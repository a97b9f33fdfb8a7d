//! What the other side reports of what it receives, which webrtc-rs does not put into its statistics.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// The other side's last report on each stream of this one.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports(Arc<Mutex<HashMap<u32, ReceptionReport>>>);

impl Reports {
    pub(super) fn last(&self, ssrc: u32) -> Option<ReceptionReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&ssrc).cloned()
    }

    fn add(&self, report: &ReceptionReport) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.len() < MOST_REPORTS || reports.contains_key(&report.ssrc) {
            reports.insert(report.ssrc, report.clone());
        }
    }
}

/// Notes the reports in RTCP (RFC 3550 section 6.4). Everything passes.
pub(super) struct ReportTap {
    reports: Reports,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl ReportTap {
    pub(super) fn new(reports: Reports) -> Self {
        Self { reports, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }
}

fn reports(packet: &dyn rtcp::Packet) -> &[ReceptionReport] {
    let packet = packet.as_any();
    if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
        &report.reports
    } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
        &report.reports
    } else {
        &[]
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for ReportTap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &tagged.message.packet {
            for report in packets.iter().flat_map(|packet| reports(packet.as_ref())) {
                self.reports.add(report);
            }
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

impl Interceptor for ReportTap {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

/// More than this side sends streams.
const MOST_REPORTS: usize = 64;
