//! Cuts frames into RTP packets.

use rtc::rtp::header::Header;
use rtc::rtp::packet::Packet;
use rtc::rtp::packetizer::Payloader;
use tokio::time::Instant;
use webrtc::error::Result;

use crate::media::TimedFrame;

/// Makes the packets of one stream. Their RTP time follows a clock and not the number or the
/// durations of frames, so it never drifts.
pub(super) struct Packetizer {
    payloader: Box<dyn Payloader>,
    ssrc: u32,
    payload_type: u8,
    sequence_number: u16,
    clock: RtpClock,
}

impl Packetizer {
    pub(super) fn new(
        payloader: Box<dyn Payloader>,
        ssrc: u32,
        payload_type: u8,
        clock_rate: u32,
        now: Instant,
    ) -> Self {
        let (sequence_number, clock) = (rand::random(), RtpClock::new(clock_rate, now));
        Self { payloader, ssrc, payload_type, sequence_number, clock }
    }

    pub(super) fn packetize(
        &mut self,
        TimedFrame { at, frame }: &TimedFrame,
    ) -> Result<Vec<Packet>> {
        let payloads = self.payloader.payload(MAX_PAYLOAD_BYTES, &frame.data)?;
        let timestamp = self.clock.timestamp(*at);
        let last = payloads.len().saturating_sub(1);
        let packets = payloads.into_iter().enumerate().map(|(index, payload)| {
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
        Ok(packets.collect())
    }
}

/// RTP time (RFC 3550 section 5.1), derived from the clock of the machine.
struct RtpClock {
    rate: u32,
    start: Instant,
    /// The units from the start to the last frame. They do not wrap, so that a frame after hours of
    /// silence is not taken for an earlier one.
    last: u64,
    /// The timestamp at the start.
    first: u32,
}

impl RtpClock {
    fn new(rate: u32, now: Instant) -> Self {
        Self { rate, start: now, last: 0, first: rand::random() }
    }

    /// Returns a timestamp. Each is later than the previous one, since receivers tell frames apart
    /// by it.
    fn timestamp(&mut self, at: Instant) -> u32 {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        let ticks = (nanos * u128::from(self.rate) + NANOS_PER_SECOND / 2) / NANOS_PER_SECOND;
        self.last = u64::try_from(ticks).unwrap_or(u64::MAX).max(self.last.wrapping_add(1));
        self.first.wrapping_add(self.last as u32)
    }
}

/// The largest payload: 1200 bytes with the RTP header.
const MAX_PAYLOAD_BYTES: usize = 1188;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn thirty_pictures_a_second_do_not_drift_in_ten_minutes() {
        let start = Instant::now();
        let mut clock = RtpClock::new(90_000, start);
        let first = clock.first;
        let frame = Duration::from_nanos(33_333_333);
        for n in 1..=18_000_u32 {
            let drift =
                clock.timestamp(start + frame * n).wrapping_sub(first) as i32 - 3000 * n as i32;
            assert!(drift.abs() <= 1, "{drift} after {n} frames");
        }
    }

    #[test]
    fn time_goes_on_after_half_a_day_of_silence() {
        let start = Instant::now();
        let mut clock = RtpClock::new(90_000, start);
        clock.timestamp(start + Duration::from_millis(20));
        let late = start + Duration::from_secs(8 * 3600);
        let before = clock.timestamp(late);
        let after = clock.timestamp(late + Duration::from_millis(100));
        assert_eq!(after.wrapping_sub(before), 9000);
    }

    #[test]
    fn a_pause_passes_in_rtp_time_too() {
        let start = Instant::now();
        let mut clock = RtpClock::new(48_000, start);
        let before = clock.timestamp(start + Duration::from_millis(20));
        let after = clock.timestamp(start + Duration::from_millis(7020));
        assert_eq!(after.wrapping_sub(before), 7 * 48_000);
    }

    #[test]
    fn what_is_sent_at_once_is_told_apart() {
        let start = Instant::now();
        let mut clock = RtpClock::new(90_000, start);
        let stamps = [0, 0, 0, 5].map(|millis| {
            clock.timestamp(start + Duration::from_millis(millis)).wrapping_sub(clock.first)
        });
        assert_eq!(stamps, [1, 2, 3, 450]);
    }
}
