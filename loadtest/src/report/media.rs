//! How media arrived.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::measure::stream::StreamKind;
use crate::participants::media::{Quality, SilentStream, Stream};

/// RTP packets of all streams.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Packets {
    /// Those that the sources make in the time from the first packet of each stream until the end.
    pub(super) planned: u64,
    /// Those that left their senders.
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Those that were sent and did not arrive.
    pub(super) lost: u64,
    /// Those that were planned and not sent.
    pub(super) unsent: u64,
    /// Those of them that only the tester kept from being sent, which was late.
    #[serde(default)]
    pub(super) late: u64,
    /// The seconds of the run in which the first and the last one came.
    pub(super) period_seconds: Option<(f64, f64)>,
}

/// The streams of a run, by kind and one by one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct MediaQuality {
    pub(super) by_kind: BTreeMap<StreamKind, KindQuality>,
    pub(super) streams: Vec<StreamQuality>,
    pub(super) silent: Vec<SilentQuality>,
}

/// All streams of one kind.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct KindQuality {
    pub(super) streams: u64,
    pub(super) planned: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) lost: u64,
    pub(super) unsent: u64,
    pub(super) freezes: u64,
    /// Of all streams together.
    pub(super) frozen_seconds: f64,
    /// Streams with a freeze.
    pub(super) frozen_streams: u64,
    pub(super) jitter_ms: Option<Spread>,
    pub(super) round_trip_ms: Option<Spread>,
    pub(super) frame_rate: Option<Spread>,
    /// Bits a second of payload.
    pub(super) bitrate: Option<Spread>,
}

/// How a figure spreads over streams.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) p50: f64,
    /// `None` for less than ten streams.
    pub(super) p90: Option<f64>,
    pub(super) most: f64,
}

/// One stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct StreamQuality {
    /// Its place in the plan.
    pub(super) room: usize,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: StreamKind,
    pub(super) planned: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) lost: u64,
    pub(super) jitter_ms: Option<f64>,
    pub(super) round_trip_ms: Option<f64>,
    pub(super) frame_rate: f64,
    pub(super) bitrate: f64,
    pub(super) freezes: u64,
    pub(super) frozen_seconds: f64,
}

/// A stream of which nothing was heard or seen.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct SilentQuality {
    pub(super) room: usize,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: StreamKind,
    pub(super) why: String,
}

impl Packets {
    pub(super) fn new(quality: &Quality, seconds: impl Fn(Instant) -> f64) -> Self {
        let sum = |of: fn(&Stream) -> u64| quality.streams.iter().map(of).sum();
        Self {
            planned: sum(|stream| stream.planned),
            sent: sum(|stream| stream.sent),
            received: sum(|stream| stream.counts.received),
            lost: sum(Stream::lost),
            unsent: sum(Stream::unsent),
            late: sum(Stream::late),
            period_seconds: quality.period.map(|(from, to)| (seconds(from), seconds(to))),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.planned += other.planned;
        self.sent += other.sent;
        self.received += other.received;
        self.lost += other.lost;
        self.unsent += other.unsent;
        self.late += other.late;
        self.period_seconds = match (self.period_seconds, other.period_seconds) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
    }

    /// Why the tester was too late to send, if it left out more than so many percent.
    pub(super) fn lateness(&self, most: u8) -> Option<String> {
        let percent = self.late as f64 * 100.0 / self.planned.max(1) as f64;
        (percent > f64::from(most)).then(|| {
            format!("it was too late to send {percent:.1} % of the packets (--max-unsent {most} %)")
        })
    }

    /// Those that were planned and did not arrive.
    pub(super) fn missing(&self) -> u64 {
        self.lost + self.unsent
    }
}

impl MediaQuality {
    pub(super) fn new(quality: &Quality) -> Self {
        let streams: Vec<_> = quality.streams.iter().map(StreamQuality::new).collect();
        let silent = quality.silent.iter().map(SilentQuality::new).collect();
        Self { by_kind: by_kind(&streams), streams, silent }
    }

    /// Adds other streams. Their rooms are numbered after `rooms` rooms of this one.
    pub(super) fn add(&mut self, other: Self, rooms: usize) {
        let streams = other.streams.into_iter();
        self.streams
            .extend(streams.map(|stream| StreamQuality { room: stream.room + rooms, ..stream }));
        let silent = other.silent.into_iter();
        self.silent
            .extend(silent.map(|silent| SilentQuality { room: silent.room + rooms, ..silent }));
        self.by_kind = by_kind(&self.streams);
    }

    /// The streams that arrived worst, of those with which something was wrong.
    pub(super) fn worst(&self) -> Vec<&StreamQuality> {
        let mut streams: Vec<_> =
            self.streams.iter().filter(|stream| stream.badness() > 0.0).collect();
        streams.sort_by(|one, other| other.badness().total_cmp(&one.badness()));
        streams.truncate(MOST_SHOWN);
        streams
    }

    /// Why streams are silent, with how many are for that reason and one of them.
    pub(super) fn silences(&self) -> BTreeMap<(StreamKind, &str), (u64, &SilentQuality)> {
        let mut silences = BTreeMap::new();
        for silent in &self.silent {
            let reason = (silent.kind, silent.why.as_str());
            silences.entry(reason).or_insert((0, silent)).0 += 1;
        }
        silences
    }
}

impl KindQuality {
    fn new(streams: &[&StreamQuality]) -> Self {
        let sum = |of: fn(&StreamQuality) -> u64| streams.iter().map(|stream| of(stream)).sum();
        let spread = |of: fn(&StreamQuality) -> Option<f64>| {
            Spread::of(streams.iter().filter_map(|stream| of(stream)).collect())
        };
        Self {
            streams: streams.len() as u64,
            planned: sum(|stream| stream.planned),
            sent: sum(|stream| stream.sent),
            received: sum(|stream| stream.received),
            lost: sum(|stream| stream.lost),
            unsent: sum(|stream| stream.planned.saturating_sub(stream.sent)),
            freezes: sum(|stream| stream.freezes),
            frozen_seconds: streams.iter().map(|stream| stream.frozen_seconds).sum(),
            frozen_streams: sum(|stream| u64::from(stream.freezes > 0)),
            jitter_ms: spread(|stream| stream.jitter_ms),
            round_trip_ms: spread(|stream| stream.round_trip_ms),
            frame_rate: spread(|stream| Some(stream.frame_rate)),
            bitrate: spread(|stream| Some(stream.bitrate)),
        }
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Some(Self { least, p50: at(0.5), p90: (values.len() >= 10).then(|| at(0.9)), most })
    }
}

impl StreamQuality {
    fn new(stream: &Stream) -> Self {
        Self {
            room: stream.room,
            from: stream.from.to_string(),
            to: stream.to.to_string(),
            kind: stream.kind,
            planned: stream.planned,
            sent: stream.sent,
            received: stream.counts.received,
            lost: stream.lost(),
            jitter_ms: stream.jitter.map(millis),
            round_trip_ms: stream.round_trip.map(millis),
            frame_rate: stream.frame_rate(),
            bitrate: stream.bitrate(),
            freezes: stream.counts.freezes,
            frozen_seconds: stream.frozen.as_secs_f64(),
        }
    }

    /// The share of its packets that did not arrive, and of seconds that were frozen.
    fn badness(&self) -> f64 {
        let missing = self.planned.saturating_sub(self.received) as f64;
        missing / self.planned.max(1) as f64 + self.frozen_seconds
    }
}

impl SilentQuality {
    fn new(silent: &SilentStream) -> Self {
        Self {
            room: silent.room,
            from: silent.from.to_string(),
            to: silent.to.to_string(),
            kind: silent.kind,
            why: silent.why.to_string(),
        }
    }
}

fn by_kind(streams: &[StreamQuality]) -> BTreeMap<StreamKind, KindQuality> {
    let by_kind = StreamKind::ALL.into_iter().filter_map(|kind| {
        let of_kind: Vec<_> = streams.iter().filter(|stream| stream.kind == kind).collect();
        (!of_kind.is_empty()).then(|| (kind, KindQuality::new(&of_kind)))
    });
    by_kind.collect()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

const MOST_SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tester_that_leaves_out_packets_says_so() {
        let stream = |is_whole| Stream {
            room: 0,
            from: "p_00000002".parse().unwrap(),
            to: "p_00000003".parse().unwrap(),
            kind: StreamKind::Audio,
            planned: 100,
            sent: 90,
            is_whole,
            counts: Default::default(),
            jitter: None,
            round_trip: None,
            lasted: Duration::from_secs(2),
            frozen: Duration::ZERO,
        };
        let packets = |is_whole| {
            let streams = vec![stream(is_whole)];
            Packets::new(&Quality { streams, ..Quality::default() }, |_| 0.0)
        };
        assert!(packets(true).lateness(5).unwrap().contains("10.0 % of the packets"));
        assert_eq!(packets(true).lateness(10), None);
        assert_eq!(packets(false).lateness(5), None, "its connection was gone");
    }
}
