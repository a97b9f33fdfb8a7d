//! Counts the packets of each received stream (RFC 3550 appendix A).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::rtp;

use crate::media::{Codec, MediaKind};
use crate::track::SequenceCounter;

/// The last streams of a connection by their SSRC.
#[derive(Clone, Debug, Default)]
pub(super) struct ReceiveCounters(Arc<Mutex<BTreeMap<u32, ReceiveCounter>>>);

impl ReceiveCounters {
    pub(super) fn count(
        &self,
        kind: MediaKind,
        codec: Option<Codec>,
        packet: &rtp::Packet,
        now: Instant,
    ) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ssrc = packet.header.ssrc;
        if counters.len() >= MAX_STREAMS && !counters.contains_key(&ssrc) {
            let silent = counters.iter().min_by_key(|(_, counter)| counter.last);
            if let Some(silent) = silent.map(|(ssrc, _)| *ssrc) {
                counters.remove(&silent);
            }
        }
        let new = || ReceiveCounter::new(kind, codec);
        counters.entry(ssrc).or_insert_with(new).count(packet, now);
    }

    pub(super) fn all(&self) -> Vec<(u32, ReceiveCounter)> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.iter().map(|(ssrc, counter)| (*ssrc, counter.clone())).collect()
    }
}

#[derive(Clone, Debug)]
pub(super) struct ReceiveCounter {
    pub(super) kind: MediaKind,
    pub(super) codec: Option<Codec>,
    pub(super) packets: SequenceCounter,
    pub(super) bytes: u64,
    pub(super) frames: u64,
    /// When the first packet arrived; times are counted from there.
    since: Option<Instant>,
    /// When the last packet arrived.
    last: Option<Instant>,
    /// How much later than its timestamp the last packet arrived, in units of the clock.
    transit: Option<i64>,
    /// In units of the clock.
    jitter: f64,
}

impl ReceiveCounter {
    fn new(kind: MediaKind, codec: Option<Codec>) -> Self {
        Self {
            kind,
            codec,
            packets: SequenceCounter::default(),
            bytes: 0,
            frames: 0,
            since: None,
            last: None,
            transit: None,
            jitter: 0.0,
        }
    }

    fn count(&mut self, packet: &rtp::Packet, now: Instant) {
        self.last = Some(now);
        self.packets.count(packet.header.sequence_number);
        self.bytes += packet.payload.len() as u64;
        self.frames += u64::from(self.kind == MediaKind::Audio || packet.header.marker);

        let arrived =
            now.duration_since(*self.since.get_or_insert(now)).as_secs_f64() * self.clock();
        let transit = (arrived as i64).wrapping_sub(i64::from(packet.header.timestamp));
        if let Some(before) = self.transit.replace(transit) {
            // The difference wraps together with the timestamp.
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            self.jitter += (f64::from(difference) - self.jitter) / 16.0;
        }
    }

    pub(super) fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter / self.clock())
    }

    fn clock(&self) -> f64 {
        self.kind.clock_rate().into()
    }
}

/// More than the other side sends at a time. Beyond that, a new stream replaces the one that has
/// been silent for longest.
const MAX_STREAMS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence_number: u16, timestamp: u32) -> rtp::Packet {
        let header = rtp::Header { sequence_number, timestamp, ..rtp::Header::default() };
        rtp::Packet { header, payload: vec![0; 100].into() }
    }

    fn audio() -> ReceiveCounter {
        ReceiveCounter::new(MediaKind::Audio, Some(Codec::Opus))
    }

    #[test]
    fn what_is_missing_is_lost_until_it_comes_also_where_numbers_wrap() {
        let (mut counter, now) = (audio(), Instant::now());
        for number in [65_533, 65_535, 1, 0, 3] {
            counter.count(&packet(number, 0), now);
        }
        assert_eq!(
            (counter.packets.received(), counter.bytes, counter.packets.lost()),
            (5, 500, 2)
        );
        for number in [2, 65_534] {
            counter.count(&packet(number, 0), now);
        }
        assert_eq!(counter.packets.lost(), 0);
        // Even one that comes before the first.
        counter.count(&packet(65_532, 0), now);
        assert_eq!(counter.packets.lost(), 0);
    }

    #[test]
    fn a_new_stream_replaces_the_one_that_has_been_silent_for_longest() {
        let (counters, start) = (ReceiveCounters::default(), Instant::now());
        let count = |ssrc, at| {
            let mut packet = packet(0, 0);
            packet.header.ssrc = ssrc;
            counters.count(MediaKind::Audio, Some(Codec::Opus), &packet, at);
        };
        let streams = MAX_STREAMS as u32;
        (0..streams).for_each(|ssrc| count(ssrc, start + Duration::from_secs(ssrc.into())));
        let later = start + Duration::from_secs(1000);
        count(0, later);
        count(streams, later);
        let counted: Vec<_> = counters.all().into_iter().map(|(ssrc, _)| ssrc).collect();
        assert_eq!(counted, (0..=streams).filter(|ssrc| *ssrc != 1).collect::<Vec<_>>());
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
