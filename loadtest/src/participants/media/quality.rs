//! How the streams of a run arrived, one by one.

use std::time::{Duration, Instant};

use client_sdk::{MediaKind, ParticipantId, PeerStats};

use super::meter::ObservedTrack;
use super::observations::Observations;
use super::rhythm::frames_in;
use super::silence::{Silence, SilentStream};
use super::stalled::stalled;
use crate::measure::stream::{StreamCounts, StreamKind};
use crate::scenario::Stalls;

/// The streams of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quality {
    pub(crate) streams: Vec<Stream>,
    pub(crate) silent: Vec<SilentStream>,
    /// When the first and the last packet came.
    pub(crate) period: Option<(Instant, Instant)>,
}

/// A stream of one kind from one participant to another.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The number of the room in the plan.
    pub(crate) room: usize,
    pub(crate) from: ParticipantId,
    pub(crate) to: ParticipantId,
    pub(crate) kind: StreamKind,
    /// The packets that its source makes in the time from the first one on.
    pub(crate) planned: u64,
    /// Those of them that left the sender, as it counts them.
    pub(crate) sent: u64,
    /// Whether its connection and its source were there all the time.
    pub(crate) is_whole: bool,
    pub(crate) counts: StreamCounts,
    pub(crate) jitter: Option<Duration>,
    pub(crate) round_trip: Option<Duration>,
    /// From the first packet until it was measured for the last time.
    pub(crate) lasted: Duration,
    pub(crate) frozen: Duration,
}

impl Stream {
    /// Packets that were sent and did not arrive.
    pub(crate) fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.counts.received)
    }

    /// Packets that were planned and not sent.
    pub(crate) fn unsent(&self) -> u64 {
        self.planned.saturating_sub(self.sent)
    }

    /// Those that the tester was too late for: nothing else kept them from being sent.
    pub(crate) fn late(&self) -> u64 {
        if self.is_whole { self.unsent() } else { 0 }
    }

    pub(crate) fn frame_rate(&self) -> f64 {
        self.counts.frames as f64 / self.seconds()
    }

    /// Bits a second of payload.
    pub(crate) fn bitrate(&self) -> f64 {
        self.counts.bytes as f64 * 8.0 / self.seconds()
    }

    fn seconds(&self) -> f64 {
        // A stream that lasts for less than a second has no rate.
        self.lasted.as_secs_f64().max(1.0)
    }
}

impl Quality {
    /// Adds what `from` sent to `to`, who were connected at that time. Returns whether a screen was
    /// shown of which nothing arrived.
    pub(super) fn add(
        &mut self,
        room: usize,
        from: &Observations,
        to: &Observations,
        kinds: &[MediaKind],
        stalls: Option<Stalls>,
    ) -> bool {
        let screens = Tracks::of(from, to, StreamKind::Screen);
        let shown = screens.received() + screens.lost();
        self.note_period(&screens);
        if let Some(stream) = screens.stream(room, from, to, shown) {
            self.streams.push(stream);
        }
        let is_screen_missing = screens.is_one_missing(from, to, stalls);
        if is_screen_missing {
            self.add_silent(room, from, to, StreamKind::Screen, Silence::NoScreen);
        }
        for kind in kinds {
            let tracks = Tracks::of(from, to, (*kind).into());
            self.note_period(&tracks);
            let sent = stats_between(from, to).map_or(0, |stats| {
                let of_kind = stats.sent.iter().filter(|sent| sent.kind == *kind);
                of_kind.map(|sent| sent.packets).sum()
            });
            let sent = if *kind == MediaKind::Video { sent.saturating_sub(shown) } else { sent };
            if !tracks.is_decodable() {
                let why = match tracks.received() {
                    0 => Silence::of(*kind, from, to),
                    received => Silence::NoFrame { received },
                };
                self.add_silent(room, from, to, (*kind).into(), why);
            }
            if let Some(stream) = tracks.stream(room, from, to, sent) {
                self.streams.push(stream);
            }
        }
        is_screen_missing
    }

    pub(super) fn add_silent(
        &mut self,
        room: usize,
        from: &Observations,
        to: &Observations,
        kind: StreamKind,
        why: Silence,
    ) {
        let (from, to) = (from.id(), to.id());
        self.silent.push(SilentStream { room, from, to, kind, why });
    }

    fn note_period(&mut self, tracks: &Tracks<'_>) {
        for track in &tracks.tracks {
            let Some((first, last)) = track.first_packet.zip(track.last_packet) else { continue };
            let (from, to) = self.period.unwrap_or((first, last));
            self.period = Some((from.min(first), to.max(last)));
        }
    }
}

/// The tracks of one kind that one participant had from another, in order of time.
struct Tracks<'a> {
    tracks: Vec<&'a ObservedTrack>,
    /// Until when they were to go on; `None` if they end when they like.
    end: Option<Instant>,
}

impl<'a> Tracks<'a> {
    fn of(from: &Observations, to: &'a Observations, kind: StreamKind) -> Self {
        let tracks = to.tracks.iter();
        let mut tracks: Vec<_> = tracks
            .filter(|track| track.kind == kind && from.ids.contains(&track.from))
            .filter(|track| track.first_packet.is_some())
            .collect();
        tracks.sort_by_key(|track| track.first_packet);
        let end = match kind {
            StreamKind::Audio | StreamKind::Video => {
                Some(from.left.map_or(to.until, |left| left.min(to.until)))
            }
            StreamKind::Screen => None,
        };
        Self { tracks, end }
    }

    fn received(&self) -> u64 {
        self.tracks.iter().map(|track| track.counts.received).sum()
    }

    fn lost(&self) -> u64 {
        self.tracks.iter().map(|track| track.lost).sum()
    }

    fn is_decodable(&self) -> bool {
        self.tracks.iter().any(|track| track.first_frame.is_some())
    }

    /// Whether a screen was shown for long enough to be seen, and nothing of it has arrived. While
    /// a stall is in the way it cannot be seen.
    fn is_one_missing(
        &self,
        from: &Observations,
        to: &Observations,
        stalls: Option<Stalls>,
    ) -> bool {
        let connected = to.connected.get(&from.id()).copied();
        let end = from.left.map_or(to.until, |left| left.min(to.until));
        from.screens.iter().any(|(shown, until)| {
            let (shown, until) = (Some(*shown).max(connected), until.unwrap_or(end).min(end));
            let is_long = shown.is_some_and(|shown| {
                until > shown + LEAST_SHOWN + stalled(stalls, from, to, shown, until)
            });
            let has_arrived = self.tracks.iter().any(|track| {
                track.first_packet.is_some_and(|first| first <= until) && track.last_packet >= shown
            });
            is_long && !has_arrived
        })
    }

    /// `None` if nothing has arrived.
    fn stream(
        &self,
        room: usize,
        from: &Observations,
        to: &Observations,
        sent: u64,
    ) -> Option<Stream> {
        let kind = self.tracks.first()?.kind;
        let mut counts = StreamCounts::default();
        let mut frozen = Duration::ZERO;
        for track in &self.tracks {
            counts += track.counts;
            frozen += track.frozen;
        }
        let arrived_or_lost = counts.received + self.lost();
        let planned = arrived_or_lost + self.left_out();
        let stats = stats_between(to, from);
        Some(Stream {
            room,
            from: from.id(),
            to: to.id(),
            kind,
            planned,
            // The last statistics may be older than the last packets, or newer.
            sent: sent.clamp(arrived_or_lost, planned),
            is_whole: !from.interrupted.contains(&to.id())
                && !to.interrupted.contains(&from.id())
                && !from.degraded.contains_key(&kind),
            counts,
            jitter: stats.and_then(|stats| jitter(stats, kind)),
            round_trip: stats.and_then(|stats| stats.round_trip),
            lasted: self.lasted(),
            frozen,
        })
    }

    /// How many packets would have come if the sources had gone on in their rhythm from the first
    /// packet until the end.
    fn left_out(&self) -> u64 {
        let mut left_out = 0;
        for (index, track) in self.tracks.iter().enumerate() {
            let Some(interval) = track.rhythm.interval() else { continue };
            // The start of a missing screen share is unknown.
            let next = self.tracks.get(index + 1).and_then(|next| next.first_packet);
            let next = self.end.map(|end| next.unwrap_or(end));
            let pause = next.zip(track.last_packet).map(|(next, last)| next.duration_since(last));
            let overdue = pause.unwrap_or_default().saturating_sub(ON_THE_WAY.max(interval));
            let missing = frames_in(overdue, interval);
            let frames = track.rhythm.skipped() + missing;
            let packets = (track.counts.received + track.lost) as f64;
            let packets_per_frame = packets / track.counts.frames.max(1) as f64;
            left_out += (frames as f64 * packets_per_frame).round() as u64;
        }
        left_out
    }

    fn lasted(&self) -> Duration {
        let of_track = |track: &&ObservedTrack| -> Option<Duration> {
            let shown = track.last_packet?.duration_since(track.first_packet?);
            Some(shown + track.rhythm.interval().unwrap_or_default())
        };
        let shown: Duration = self.tracks.iter().filter_map(of_track).sum();
        let first = self.tracks.first().and_then(|track| track.first_packet);
        self.end.zip(first).map_or(shown, |(end, first)| end.duration_since(first))
    }
}

fn jitter(stats: &PeerStats, kind: StreamKind) -> Option<Duration> {
    let stream = stats.received.iter().find(|stream| kind == stream.kind.into())?;
    Some(stream.jitter)
}

/// The statistics that one participant has of its connection to another.
fn stats_between<'a>(one: &'a Observations, other: &Observations) -> Option<&'a PeerStats> {
    other.ids.iter().rev().find_map(|id| one.stats.get(id))
}

/// A screen is negotiated, which takes a moment.
const LEAST_SHOWN: Duration = Duration::from_secs(5);
/// For so long a source may pause, and the last packet be on its way or a track be opened again.
const ON_THE_WAY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_of_which_nothing_arrives_is_missing() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let ids: [ParticipantId; 2] = ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let [mut from, mut to] = ids.map(|id| Observations::new(id, begin));
        to.connected.insert(from.id(), at(1));
        to.until = at(60);
        let mut missing = |screens: &[(u64, Option<u64>)]| {
            let screens = screens.iter().map(|(shown, until)| (at(*shown), until.map(at)));
            from.screens = screens.collect();
            Quality::default().add(0, &from, &to, &[], None)
        };
        assert!(!missing(&[]));
        assert!(!missing(&[(10, Some(14)), (58, None)]), "nobody could have seen it");
        assert!(missing(&[(10, Some(16))]));
        assert!(missing(&[(10, Some(11)), (50, None)]));
    }

    #[test]
    fn a_source_that_fails_leaves_no_packet_to_a_late_tester() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let ids: [ParticipantId; 2] = ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let [mut from, mut to] = ids.map(|id| Observations::new(id, begin));
        let mut track = ObservedTrack::new(from.id(), StreamKind::Audio);
        for packet in 0..500_u32 {
            track.rhythm.packet(packet * 960, true);
        }
        track.counts = StreamCounts { received: 500, frames: 500, ..StreamCounts::default() };
        (track.first_packet, track.last_packet) = (Some(at(0)), Some(at(10)));
        to.tracks.push(track);
        to.until = at(60);
        let audio = |from: &Observations, to: &Observations| {
            let tracks = Tracks::of(from, to, StreamKind::Audio);
            let stream = tracks.stream(0, from, to, 500).unwrap();
            (stream.unsent(), stream.late())
        };
        // After ten seconds nothing came: 49 seconds of 50 packets, without the last one.
        assert_eq!(audio(&from, &to), (2450, 2450));
        from.degraded.insert(StreamKind::Audio, "the device is gone".into());
        assert_eq!(audio(&from, &to), (2450, 0));
    }

    #[test]
    fn a_screen_that_is_shown_while_the_network_stalls_is_not_missing() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let ids: [ParticipantId; 2] = ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let [mut from, mut to] = ids.map(|id| Observations::new(id, begin));
        to.connected.insert(from.id(), at(1));
        to.until = at(90);
        to.stalls = vec![at(8)];
        let mut missing = |shown, until| {
            from.screens = vec![(at(shown), Some(at(until)))];
            Quality::default().add(0, &from, &to, &[], Some("6s/60s".parse().unwrap()))
        };
        assert!(!missing(10, 16));
        assert!(missing(10, 60), "it was shown long after the stall");
    }
}
