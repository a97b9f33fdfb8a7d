//! The timestamps of RTCP sender reports (RFC 3550 section 6.4.1).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::rtp_clock::RtpClock;

/// The clocks of the streams that a connection sends, by SSRC; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct SentClocks(Arc<Mutex<HashMap<u32, RtpClock>>>);

/// An interceptor that corrects the timestamps of sender reports.
///
/// A report tells the receiver the timestamp of a moment. webrtc-rs takes the moment at which it
/// gets a frame for the time of that frame. On a busy machine it gets frames late, so the clock
/// that receivers see would jump with each report.
pub(super) struct SenderReports {
    clocks: SentClocks,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl SentClocks {
    /// Adds the clock of a stream.
    pub(super) fn insert(&self, ssrc: u32, clock: RtpClock) {
        self.clocks().insert(ssrc, clock);
    }

    /// The report with the timestamp of that moment, if it is one on a known stream.
    fn correct(&self, packet: &dyn rtcp::Packet, at: Instant) -> Option<SenderReport> {
        let report = packet.as_any().downcast_ref::<SenderReport>()?;
        let clock = *self.clocks().get(&report.ssrc)?;
        let rtp_time = clock.timestamp(clock.ticks(at.into()));
        Some(SenderReport { rtp_time, ..report.clone() })
    }

    fn clocks(&self) -> MutexGuard<'_, HashMap<u32, RtpClock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SenderReports {
    pub(super) fn new(clocks: SentClocks) -> Self {
        Self { clocks, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for SenderReports {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.inbound.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &mut tagged.message.packet {
            for packet in packets {
                if let Some(report) = self.clocks.correct(packet.as_ref(), tagged.now) {
                    *packet = Box::new(report);
                }
            }
        }
        self.outbound.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for SenderReports {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, stream: &StreamInfo) {
        self.clocks.clocks().remove(&stream.ssrc);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtc::interceptor::{AttributedPacket, Registry, SenderReportBuilder, Slot};
    use rtc::rtp::header::Header;
    use rtc::rtp::packet::Packet as RtpPacket;
    use rtc::shared::TransportContext;
    use tokio::time;

    use super::super::interceptors::SENDER_REPORTS_SLOT;
    use super::*;

    #[test]
    fn a_report_tells_the_timestamp_of_its_moment_however_late_frames_are() {
        let (clocks, start) = (SentClocks::default(), time::Instant::now());
        let clock = RtpClock::new(RATE, start);
        clocks.insert(SSRC, clock);
        let timestamp = |at: time::Instant| clock.timestamp(clock.ticks(at));
        let mut chain = Registry::new()
            .with(Slot::SenderReport, SenderReportBuilder::new().build())
            .with(Slot::from(SENDER_REPORTS_SLOT), SenderReports::new(clocks))
            .build();
        let stream = StreamInfo { ssrc: SSRC, clock_rate: RATE, ..StreamInfo::default() };
        chain.bind_local_stream(&stream);
        let mut reports = 0;
        for number in 0..1000 {
            let due = start + Duration::from_millis(20) * number;
            let now = due + Duration::from_millis(u64::from(number) * 37 % 3000);
            chain.handle_write(packet(number as u16, timestamp(due), now.into_std())).unwrap();
            chain.handle_timeout(now.into_std()).unwrap();
            while let Some(sent) = chain.poll_write() {
                let Packet::Rtcp(packets) = sent.message.packet else { continue };
                let report = packets[0].as_any().downcast_ref::<SenderReport>().unwrap();
                assert_eq!(report.rtp_time, timestamp(now), "{report:?}");
                reports += 1;
            }
        }
        assert!(reports > 10, "{reports}");
    }

    fn packet(sequence_number: u16, timestamp: u32, now: Instant) -> TaggedPacket {
        let header =
            Header { version: 2, sequence_number, timestamp, ssrc: SSRC, ..Header::default() };
        let packet = RtpPacket { header, payload: vec![0; 80].into() };
        TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: AttributedPacket::new(Packet::Rtp(packet)),
        }
    }

    const SSRC: u32 = 7;
    const RATE: u32 = 48_000;
}
