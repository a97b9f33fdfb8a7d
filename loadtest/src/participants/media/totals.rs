//! The observations of all participants, added up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use client_sdk::{MediaKind, ParticipantId};

use super::meter::ObservedTrack;
use super::observations::Observations;
use super::quality::Quality;
use super::silence::Silence;
use super::stalled::{forgive_stalls, stalled};
use crate::measure::latency_kind::Kind;
use crate::measure::loss::{AllLosses, Lost};
use crate::measure::recorder::{Fate, Recorder, Step};
use crate::measure::stream::StreamKind;
use crate::scenario::Stalls;

/// The sums of a run. Latencies go to its recorder.
#[derive(Debug)]
pub(crate) struct Totals<'a> {
    recorder: &'a Recorder,
    /// The kinds that each publisher sends.
    kinds: &'static [MediaKind],
    /// Participants that meet within this time before the end need not have connected; `None` if
    /// all have to.
    time_to_connect: Option<Duration>,
    /// The intended stalls of bad networks.
    stalls: Option<Stalls>,
    /// When all participants were told to leave. Later losses do not count.
    end: Instant,
    pub(crate) participants: u64,
    pub(crate) connections: u64,
    /// Connections over which no audio arrived, or no video although some was sent.
    pub(crate) silent: u64,
    pub(crate) quality: Quality,
    pub(crate) losses: AllLosses,
}

impl<'a> Totals<'a> {
    pub(crate) fn new(
        recorder: &'a Recorder,
        kinds: &'static [MediaKind],
        time_to_connect: Option<Duration>,
        stalls: Option<Stalls>,
        end: Instant,
    ) -> Self {
        Self {
            recorder,
            kinds,
            time_to_connect,
            stalls,
            end,
            participants: 0,
            connections: 0,
            silent: 0,
            quality: Quality::default(),
            losses: AllLosses::default(),
        }
    }

    /// Adds the participants of a room.
    pub(crate) fn add_room(&mut self, number: usize, room: &mut [Observations]) {
        forgive_leaving(room);
        if let Some(stalls) = self.stalls {
            forgive_stalls(room, stalls, self.end);
        }
        for observations in &*room {
            self.participants += 1;
            self.add_arrival(observations, room);
            for other in room.iter().filter(|other| other.id() != observations.id()) {
                self.add_connection(number, observations, other);
            }
            for silence in observations.tracks.iter().flat_map(|t| t.silences.before(self.end)) {
                self.losses.add(silence);
            }
            let until = self.until(observations);
            self.losses.add_visit(&observations.losses, until, self.end);
        }
    }

    /// Counts from when a participant was to arrive until it has the media of everybody who was
    /// there.
    fn add_arrival(&mut self, newcomer: &Observations, room: &[Observations]) {
        let members = room.iter().filter(|member| newcomer.there.contains(&member.id()));
        let mut complete = Some(newcomer.entered);
        let mut is_cut_short = false;
        for member in members {
            let connected = newcomer.connected.get(&member.id()).copied();
            let kinds = self.kinds.iter().filter(|_| member.publishes);
            let seen = kinds.map(|kind| first(newcomer, member, *kind, |t| t.first_frame));
            let has_all = seen.fold(connected, later);
            if has_all.is_some() || self.has_time(newcomer, member, newcomer.entered) {
                complete = later(complete, has_all);
            } else {
                // Nobody waits for a member that has left.
                is_cut_short |= member.left.is_none_or(|left| left >= self.until(newcomer));
            }
        }
        // It might still have arrived.
        if complete.is_none() || !is_cut_short {
            self.record(Kind::Arrival, newcomer.intended, complete);
        }
    }

    /// When a participant left, or the run ended.
    fn until(&self, visit: &Observations) -> Instant {
        visit.left.map_or(self.end, |left| left.min(self.end))
    }

    /// Adds the connection of one participant to another.
    fn add_connection(&mut self, room: usize, to: &Observations, from: &Observations) {
        let met = to.met.get(&from.id()).copied();
        let connected = to.connected.get(&from.id()).copied();
        let connected = connected.filter(|_| !to.failed.contains_key(&from.id()));
        let Some((met, connected)) = met.zip(connected) else {
            if self.has_time(to, from, met.unwrap_or(to.entered.max(from.entered))) {
                met.into_iter().for_each(|met| self.unanswered(Kind::Connected, met));
                self.add_silence(room, from, to);
            }
            return;
        };
        self.connections += 1;
        self.answered(Kind::Connected, met, connected);
        self.add_handshakes(from, to, connected);
        if !from.publishes {
            return;
        }
        let arrived: Vec<Instant> = self
            .kinds
            .iter()
            .filter_map(|kind| first(to, from, *kind, |t| t.first_packet))
            .collect();
        let seen = self.kinds.last().and_then(|kind| first(to, from, *kind, |t| t.first_frame));
        let has_all = arrived.len() == self.kinds.len() && seen.is_some();
        // Missing media might still have arrived.
        if !has_all && !self.has_time(to, from, connected) {
            return;
        }
        self.record(Kind::FirstMedia, met, arrived.iter().min().copied());
        self.record(Kind::FirstFrame, met, seen);
        let is_screen_missing = self.quality.add(room, from, to, self.kinds, self.stalls);
        if arrived.len() < self.kinds.len() || is_screen_missing {
            self.silent += 1;
        }
        self.add_lost_marks(from, to);
    }

    /// Counts the marked frames that never arrived.
    fn add_lost_marks(&self, from: &Observations, to: &Observations) {
        let until = from.left.map_or(to.until, |left| left.min(to.until));
        for kind in StreamKind::ALL {
            let tracks = to.tracks.iter();
            let mut tracks: Vec<_> = tracks
                .filter(|track| track.kind == kind && from.ids.contains(&track.from))
                .collect();
            tracks.sort_by_key(|track| track.first_packet);
            for (index, track) in tracks.iter().enumerate() {
                // The end of a screen share is unknown.
                let is_last = index + 1 == tracks.len() && kind != StreamKind::Screen;
                let lost = track.marks.missing(is_last.then_some(until));
                for made in lost {
                    self.recorder.frame_lost(Kind::of_frames(kind), made);
                }
            }
        }
    }

    /// Adds how long ICE and DTLS took, as far as they were done when statistics were taken.
    fn add_handshakes(&self, from: &Observations, to: &Observations, connected: Instant) {
        let Some(stats) = to.stats.get(&from.id()) else { return };
        let Some((ice, dtls)) = stats.ice_took.zip(stats.dtls_took) else { return };
        let Some(path_found) = connected.checked_sub(dtls) else { return };
        let Some(opened) = path_found.checked_sub(ice) else { return };
        self.answered(Kind::Ice, opened, path_found);
        self.answered(Kind::Dtls, path_found, connected);
    }

    fn add_silence(&mut self, room: usize, from: &Observations, to: &Observations) {
        for kind in self.kinds.iter().filter(|_| from.publishes) {
            let why = Silence::of(*kind, from, to);
            self.quality.add_silent(room, from, to, (*kind).into(), why);
        }
    }

    /// Whether two who know of each other since then stay for long enough to have to connect. While
    /// a stall is in the way they have no time.
    fn has_time(&self, one: &Observations, other: &Observations, since: Instant) -> bool {
        let left = [one.left, other.left].into_iter().flatten().min();
        let stalled = |until| stalled(self.stalls, one, other, since, until);
        let time =
            |until: Instant| until.saturating_duration_since(since).saturating_sub(stalled(until));
        let is_short = match left {
            Some(left) => time(left) <= SHORT_VISIT,
            None => !stalled(self.end).is_zero() && time(self.end) <= SHORT_VISIT,
        };
        !is_short && self.time_to_connect.is_none_or(|least| time(self.end) > least)
    }

    fn record(&self, kind: Kind, intended: Instant, ended: Option<Instant>) {
        match ended {
            Some(ended) => self.answered(kind, intended, ended),
            None => self.unanswered(kind, intended),
        }
    }

    fn answered(&self, kind: Kind, intended: Instant, ended: Instant) {
        self.recorder.answered(kind, Step { intended, started: intended, ended });
    }

    fn unanswered(&self, kind: Kind, intended: Instant) {
        self.recorder.unanswered(kind, intended, Fate::Lost, self.end);
    }
}

fn later(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.zip(other).map(|(one, other)| one.max(other))
}

/// The first of the times that the tracks of a kind have.
fn first(
    to: &Observations,
    from: &Observations,
    kind: MediaKind,
    time: impl Fn(&ObservedTrack) -> Option<Instant>,
) -> Option<Instant> {
    let tracks = to.tracks.iter();
    let of_kind = tracks.filter(|t| from.ids.contains(&t.from) && t.kind == kind.into());
    of_kind.filter_map(time).min()
}

/// Removes the losses that planned leaves cause: of the participant, the connection to it and its
/// media.
fn forgive_leaving(room: &mut [Observations]) {
    let left: HashMap<ParticipantId, Instant> =
        room.iter().filter_map(|visit| Some((visit.id(), visit.left?))).collect();
    for observations in room {
        let own = observations.left;
        let stays = |lost: &Lost, at: Instant| {
            let other = match lost {
                Lost::Connection(other) | Lost::Media(_, other) | Lost::Participant(other) => {
                    left.get(other).copied()
                }
                Lost::Seat | Lost::Signaling => None,
            };
            own.is_none_or(|own| at < own) && other.is_none_or(|other| at < other)
        };
        observations.losses.retain(|loss| stays(&loss.of, loss.at));
        for track in &mut observations.tracks {
            track.silences.retain(|loss| stays(&loss.of, loss.at));
        }
    }
}

/// A participant that leaves within this time need not have connected.
pub(crate) const SHORT_VISIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participants::world::PATIENCE;

    /// A newcomer and a member, who has met it and heard it or not.
    fn room(begin: Instant, is_heard: bool) -> [Observations; 2] {
        let ids: [ParticipantId; 2] = ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let [mut newcomer, mut member] = ids.map(|id| Observations::new(id, begin));
        member.publishes = true;
        newcomer.there.insert(member.id());
        if is_heard {
            let at = begin + Duration::from_secs(1);
            newcomer.connected.insert(member.id(), at);
            let mut track = ObservedTrack::new(member.id(), StreamKind::Audio);
            (track.first_packet, track.first_frame) = (Some(at), Some(at));
            newcomer.tracks.push(track);
        }
        [newcomer, member]
    }

    /// The arrivals that were counted, and those that are missing.
    fn arrivals(
        room: &[Observations; 2],
        begin: Instant,
        time_to_connect: Option<Duration>,
        stalls: Option<Stalls>,
        end: Instant,
    ) -> (u64, u64) {
        let recorder = Recorder::new(begin, begin);
        let kinds = &[MediaKind::Audio];
        let mut totals = Totals::new(&recorder, kinds, time_to_connect, stalls, end);
        totals.add_arrival(&room[0], room);
        let told = recorder.measured(Kind::Arrival);
        (told.corrected.histogram().len(), told.missing())
    }

    #[test]
    fn an_arrival_that_is_cut_short_is_neither_complete_nor_missing() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        // Ctrl-C after three seconds, or after all patience.
        let interrupted =
            |is_heard, end| arrivals(&room(begin, is_heard), begin, Some(PATIENCE), None, at(end));
        assert_eq!(interrupted(true, 3), (1, 0));
        assert_eq!(interrupted(false, 3), (0, 0));
        assert_eq!(interrupted(false, 31), (1, 1));
    }

    #[test]
    fn who_leaves_soon_is_not_waited_for_and_has_not_arrived_without_the_others() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let short = |leaves: usize| {
            let mut room = room(begin, false);
            room[leaves].left = Some(at(3));
            arrivals(&room, begin, Some(SHORT_VISIT), None, at(60))
        };
        assert_eq!(short(0), (0, 0), "the newcomer was gone before it could arrive");
        assert_eq!(short(1), (1, 0), "nobody else was there");
        let mut long = room(begin, false);
        long[0].left = Some(at(30));
        assert_eq!(arrivals(&long, begin, Some(SHORT_VISIT), None, at(60)), (1, 1));
    }

    #[test]
    fn a_short_visit_during_a_stall_need_not_connect() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let stays_for = |seconds, stalls: Option<Stalls>| {
            let mut room = room(begin, false);
            room[0].stalls.push(at(1));
            room[0].left = Some(at(seconds));
            arrivals(&room, begin, Some(SHORT_VISIT), stalls, at(90))
        };
        let stalls = Some("6s/60s".parse().unwrap());
        // Of a visit of 20 seconds, 19 were a stall or its aftermath.
        assert_eq!(stays_for(20, stalls), (0, 0));
        assert_eq!(stays_for(20, None), (1, 1));
        assert_eq!(stays_for(60, stalls), (1, 1));
    }
}
