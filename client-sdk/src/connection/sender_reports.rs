//! The timestamps of RTCP sender reports (RFC 3550 section 6.4.1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rtc::rtcp;
use rtc::rtcp::sender_report::SenderReport;

use super::rtp_clock::RtpClock;

/// The clocks of the streams that a connection sends, by SSRC; clones share them.
///
/// A report tells the receiver the timestamp of a moment. webrtc-rs takes the moment at which it
/// gets a frame for the time of that frame. On a busy machine it gets frames late, so the clock
/// that receivers see would jump with each report.
#[derive(Clone, Debug, Default)]
pub(super) struct SentClocks(Arc<Mutex<HashMap<u32, RtpClock>>>);

impl SentClocks {
    /// Adds the clock of a stream.
    pub(super) fn insert(&self, ssrc: u32, clock: RtpClock) {
        self.clocks().insert(ssrc, clock);
    }

    /// Removes the clock of a stream that has ended.
    pub(super) fn remove(&self, ssrc: u32) {
        self.clocks().remove(&ssrc);
    }

    /// Gives the sender reports among these packets the timestamps of that moment.
    pub(super) fn correct(&self, packets: &mut [Box<dyn rtcp::Packet>], at: Instant) {
        for packet in packets {
            if let Some(report) = packet.as_any().downcast_ref::<SenderReport>()
                && let Some(clock) = self.clocks().get(&report.ssrc)
            {
                let rtp_time = clock.timestamp(clock.ticks(at.into()));
                *packet = Box::new(SenderReport { rtp_time, ..report.clone() });
            }
        }
    }

    fn clocks(&self) -> MutexGuard<'_, HashMap<u32, RtpClock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtc::interceptor::{
        AttributedPacket, Interceptor, Packet, Registry, SenderReportBuilder, Slot, StreamInfo,
        TaggedPacket,
    };
    use rtc::rtp::header::Header;
    use rtc::rtp::packet::Packet as RtpPacket;
    use rtc::sansio::Protocol;
    use rtc::shared::TransportContext;
    use tokio::time;

    use super::super::inbound::Inbound;
    use super::super::interceptors::TAP_SLOT;
    use super::super::rtcp_reports::RtcpReports;
    use super::super::tap::Tap;
    use super::*;

    #[test]
    fn a_report_tells_the_timestamp_of_its_moment_however_late_frames_are() {
        let (clocks, start) = (SentClocks::default(), time::Instant::now());
        let clock = RtpClock::new(RATE, start);
        clocks.insert(SSRC, clock);
        let timestamp = |at: time::Instant| clock.timestamp(clock.ticks(at));
        let tap = Tap::new(Inbound::default(), RtcpReports::default(), clocks);
        let mut chain = Registry::new()
            .with(Slot::SenderReport, SenderReportBuilder::new().build())
            .with(Slot::from(TAP_SLOT), tap)
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
