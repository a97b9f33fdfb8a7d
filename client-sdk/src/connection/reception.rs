//! Counts what comes of one stream (RFC 3550 appendix A).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::rtp;

use crate::media::{Codec, MediaKind};

/// The streams of a connection by their synchronization sources.
#[derive(Clone, Debug, Default)]
pub(super) struct Receptions(Arc<Mutex<BTreeMap<u32, Reception>>>);

impl Receptions {
    pub(super) fn count(
        &self,
        kind: MediaKind,
        codec: Option<Codec>,
        packet: &rtp::Packet,
        now: Instant,
    ) {
        let mut receptions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full =
            receptions.len() >= MOST_STREAMS && !receptions.contains_key(&packet.header.ssrc);
        if !is_full {
            let new = || Reception::new(kind, codec);
            receptions.entry(packet.header.ssrc).or_insert_with(new).count(packet, now);
        }
    }

    pub(super) fn all(&self) -> Vec<(u32, Reception)> {
        let receptions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        receptions.iter().map(|(ssrc, reception)| (*ssrc, reception.clone())).collect()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Reception {
    pub(super) kind: MediaKind,
    pub(super) codec: Option<Codec>,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) frames: u64,
    /// The first and the highest sequence number, which go on rising here where they wrap in the packet.
    numbers: Option<(u64, u64)>,
    /// When the first packet came; times are counted from there.
    since: Option<Instant>,
    /// Of the last packet, in units of the clock: by how much it came later than its timestamp says.
    transit: Option<i64>,
    /// In units of the clock.
    jitter: f64,
}

impl Reception {
    fn new(kind: MediaKind, codec: Option<Codec>) -> Self {
        Self {
            kind,
            codec,
            packets: 0,
            bytes: 0,
            frames: 0,
            numbers: None,
            since: None,
            transit: None,
            jitter: 0.0,
        }
    }

    fn count(&mut self, packet: &rtp::Packet, now: Instant) {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        self.frames += u64::from(self.kind == MediaKind::Audio || packet.header.marker);
        let number = packet.header.sequence_number;
        // One cycle up, so that what comes before the first packet has a number too.
        let (first, highest) =
            self.numbers.unwrap_or((CYCLE + u64::from(number), CYCLE + u64::from(number)));
        let ahead = number.wrapping_sub(highest as u16) as i16;
        let number = highest.saturating_add_signed(ahead.into());
        self.numbers = Some((first.min(number), highest.max(number)));

        let arrived =
            now.duration_since(*self.since.get_or_insert(now)).as_secs_f64() * self.clock();
        let transit = (arrived as i64).wrapping_sub(i64::from(packet.header.timestamp));
        if let Some(before) = self.transit.replace(transit) {
            // Where the timestamp wraps the difference does too.
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            self.jitter += (f64::from(difference) - self.jitter) / 16.0;
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.numbers
            .map_or(0, |(first, highest)| (highest - first + 1).saturating_sub(self.packets))
    }

    pub(super) fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter / self.clock())
    }

    fn clock(&self) -> f64 {
        clock(self.kind)
    }
}

/// Units a second of the timestamps of Opus, and of every codec for video.
pub(super) fn clock(kind: MediaKind) -> f64 {
    match kind {
        MediaKind::Audio => 48_000.0,
        MediaKind::Video => 90_000.0,
    }
}

const CYCLE: u64 = 1 << 16;
const MOST_STREAMS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence_number: u16, timestamp: u32) -> rtp::Packet {
        let header = rtp::Header { sequence_number, timestamp, ..rtp::Header::default() };
        rtp::Packet { header, payload: vec![0; 100].into() }
    }

    fn audio() -> Reception {
        Reception::new(MediaKind::Audio, Some(Codec::Opus))
    }

    #[test]
    fn what_is_missing_is_lost_until_it_comes_also_where_numbers_wrap() {
        let (mut reception, now) = (audio(), Instant::now());
        for number in [65_533, 65_535, 1, 0, 3] {
            reception.count(&packet(number, 0), now);
        }
        assert_eq!((reception.packets, reception.bytes, reception.lost()), (5, 500, 2));
        for number in [2, 65_534] {
            reception.count(&packet(number, 0), now);
        }
        assert_eq!(reception.lost(), 0);
        // Even one that comes before the first.
        reception.count(&packet(65_532, 0), now);
        assert_eq!(reception.lost(), 0);
    }

    #[test]
    fn packets_at_an_even_pace_have_no_jitter_and_others_have() {
        let (mut even, mut uneven, start) = (audio(), audio(), Instant::now());
        for n in 0..200_u32 {
            // The timestamp wraps on the way.
            let packet = packet(n as u16, (n * 960).wrapping_sub(48_000));
            let due = start + Duration::from_millis(20) * n;
            even.count(&packet, due);
            uneven.count(&packet, due + Duration::from_millis(10) * (n % 2));
        }
        assert!(even.jitter() < Duration::from_micros(50), "{:?}", even.jitter());
        let jitter = uneven.jitter();
        assert!(
            jitter.abs_diff(Duration::from_millis(10)) < Duration::from_micros(100),
            "{jitter:?}"
        );
    }
}
