//! Cuts frames into RTP packets.

use rtc::rtp::header::Header;
use rtc::rtp::packet::Packet;
use rtc::rtp::packetizer::Payloader;
use tokio::time::Instant;
use webrtc::error::Result;

use super::rtp_clock::RtpClock;
use crate::media::TimedFrame;

/// Makes the packets of one stream. Their RTP time follows a clock and not the number or the
/// durations of frames, so it never drifts.
pub(super) struct Packetizer {
    payloader: Box<dyn Payloader>,
    ssrc: u32,
    payload_type: u8,
    sequence_number: u16,
    clock: RtpClock,
    /// The ticks of the last frame.
    last: u64,
}

impl Packetizer {
    pub(super) fn new(
        payloader: Box<dyn Payloader>,
        ssrc: u32,
        payload_type: u8,
        clock: RtpClock,
    ) -> Self {
        Self { payloader, ssrc, payload_type, sequence_number: rand::random(), clock, last: 0 }
    }

    pub(super) fn packetize(
        &mut self,
        TimedFrame { at, frame }: &TimedFrame,
    ) -> Result<impl Iterator<Item = Packet>> {
        let payloads = self.payloader.payload(MAX_PAYLOAD_BYTES, &frame.data)?;
        let timestamp = self.timestamp(*at);
        let last = payloads.len().saturating_sub(1);
        let packets = payloads.into_iter().enumerate().map(move |(index, payload)| {
            let header = Header {
                version: 2,
                marker: index == last,
                payload_type: self.payload_type,
                sequence_number: self.sequence_number,
                timestamp,
                ssrc: self.ssrc,
                ..Header::default()
            };
            self.sequence_number = self.sequence_number.wrapping_add(1);
            Packet { header, payload }
        });
        Ok(packets)
    }

    /// Returns a timestamp. Each is later than the previous one, since receivers tell frames apart
    /// by it.
    fn timestamp(&mut self, at: Instant) -> u32 {
        self.last = self.clock.ticks(at).max(self.last.wrapping_add(1));
        self.clock.timestamp(self.last)
    }
}

/// The largest payload: 1200 bytes with the RTP header.
const MAX_PAYLOAD_BYTES: usize = 1188;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtc::rtp::codec::opus::OpusPayloader;

    use super::*;

    #[test]
    fn thirty_pictures_a_second_do_not_drift_in_ten_minutes() {
        let start = Instant::now();
        let mut packets = packetizer(90_000, start);
        let first = packets.clock.timestamp(0);
        let frame = Duration::from_nanos(33_333_333);
        for n in 1..=18_000_u32 {
            let drift =
                packets.timestamp(start + frame * n).wrapping_sub(first) as i32 - 3000 * n as i32;
            assert!(drift.abs() <= 1, "{drift} after {n} frames");
        }
    }

    #[test]
    fn time_goes_on_after_half_a_day_of_silence() {
        let start = Instant::now();
        let mut packets = packetizer(90_000, start);
        packets.timestamp(start + Duration::from_millis(20));
        let late = start + Duration::from_secs(8 * 3600);
        let before = packets.timestamp(late);
        let after = packets.timestamp(late + Duration::from_millis(100));
        assert_eq!(after.wrapping_sub(before), 9000);
    }

    #[test]
    fn a_pause_passes_in_rtp_time_too() {
        let start = Instant::now();
        let mut packets = packetizer(48_000, start);
        let before = packets.timestamp(start + Duration::from_millis(20));
        let after = packets.timestamp(start + Duration::from_millis(7020));
        assert_eq!(after.wrapping_sub(before), 7 * 48_000);
    }

    #[test]
    fn what_is_sent_at_once_is_told_apart() {
        let start = Instant::now();
        let mut packets = packetizer(90_000, start);
        let first = packets.clock.timestamp(0);
        let stamps = [0, 0, 0, 5].map(|millis| {
            packets.timestamp(start + Duration::from_millis(millis)).wrapping_sub(first)
        });
        assert_eq!(stamps, [1, 2, 3, 450]);
    }

    fn packetizer(rate: u32, start: Instant) -> Packetizer {
        Packetizer::new(Box::new(OpusPayloader), 1, 111, RtpClock::new(rate, start))
    }
}
