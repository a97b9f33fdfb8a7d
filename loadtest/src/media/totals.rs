//! The observations of all participants, added up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use client_sdk::{MediaKind, ParticipantId};

use super::meter::ObservedTrack;
use super::observations::Observations;
use super::quality::Quality;
use super::silence::Silence;
use crate::kind::Kind;
use crate::loss::{AllLosses, Lost};
use crate::recorder::{Fate, Recorder, Step};
use crate::scenario::Stalls;
use crate::stream::StreamKind;

/// The sums of a run. Latencies go to its recorder.
#[derive(Debug)]
pub(crate) struct Totals<'a> {
    recorder: &'a Recorder,
    /// What each publisher sends.
    kinds: &'static [MediaKind],
    /// Whoever meets so shortly before the end need not have connected; `None` if nobody does.
    time_to_connect: Option<Duration>,
    /// What interrupts bad networks by order.
    stalls: Option<Stalls>,
    /// When everybody was told to leave. What is lost from then on is not lost.
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
            let until = observations.left.unwrap_or(self.end);
            self.losses.add_visit(&observations.losses, until, self.end);
        }
    }

    /// Counts from when a participant was to arrive until it has the media of everybody who was
    /// there.
    fn add_arrival(&mut self, newcomer: &Observations, room: &[Observations]) {
        let members = room.iter().filter(|member| newcomer.there.contains(&member.id()));
        let mut complete = Some(newcomer.entered);
        for member in members {
            let connected = newcomer.connected.get(&member.id()).copied();
            let kinds = self.kinds.iter().filter(|_| member.publishes);
            let seen = kinds.map(|kind| first(newcomer, member, *kind, |t| t.first_frame));
            let has_all = seen.fold(connected, later);
            if has_all.is_some() || self.has_time(newcomer, member, newcomer.entered) {
                complete = later(complete, has_all);
            }
        }
        self.record(Kind::Arrival, newcomer.intended, complete);
    }

    /// Adds what one participant has of another.
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
        // What has not come might still have.
        if !has_all && !self.has_time(to, from, connected) {
            return;
        }
        self.record(Kind::FirstMedia, met, arrived.iter().min().copied());
        self.record(Kind::FirstFrame, met, seen);
        let is_screen_missing = self.quality.add(room, from, to, self.kinds);
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
                // Nobody knows until when a screen is shown.
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

    /// Whether two who know of each other since then stay for long enough to have to connect.
    fn has_time(&self, one: &Observations, other: &Observations, since: Instant) -> bool {
        let left = [one.left, other.left].into_iter().flatten().min();
        left.is_none_or(|left| left > since + SHORT_VISIT)
            && self.time_to_connect.is_none_or(|time| self.end > since + time)
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

/// Whoever leaves as planned is not lost, and neither are the connection to it and its media.
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

/// What a stall that was ordered interrupts is not lost, if it is back soon after it, or if the run
/// ends before that. What was lost at another time is.
fn forgive_stalls(room: &mut [Observations], stalls: Stalls, end: Instant) {
    let by_id = room.iter().flat_map(|visit| visit.ids.iter().map(|id| (*id, &visit.stalls)));
    let begun: HashMap<ParticipantId, Vec<Instant>> =
        by_id.map(|(id, stalls)| (id, stalls.clone())).collect();
    for observations in room {
        let own = observations.stalls.clone();
        let is_stalled = |lost: &Lost, at: Instant, back_at: Option<Instant>| {
            let (Lost::Connection(other) | Lost::Media(_, other)) = lost else { return false };
            own.iter().chain(begun.get(other).into_iter().flatten()).any(|begin| {
                let over = *begin + stalls.lasts;
                let is_within = *begin <= at && at <= over + TIME_TO_NOTICE;
                is_within && back_at.unwrap_or(end) <= over + TIME_TO_RECOVER
            })
        };
        let Observations { losses, failed, tracks, .. } = observations;
        losses.retain(|loss| {
            let is_stalled = is_stalled(&loss.of, loss.at, loss.back_at);
            if let (true, Lost::Connection(other), None) = (is_stalled, &loss.of, loss.back_at) {
                failed.remove(other);
            }
            !is_stalled
        });
        // A connection that is rebuilt has other tracks.
        let begun: Vec<(StreamKind, ParticipantId, Option<Instant>)> =
            tracks.iter().map(|track| (track.kind, track.from, track.first_packet)).collect();
        for track in tracks {
            let (kind, from) = (track.kind, track.from);
            let next_after = |at: Instant| {
                let others = begun.iter().filter(|(k, f, _)| (*k, *f) == (kind, from));
                others.filter_map(|(.., first)| first.filter(|first| *first > at)).min()
            };
            track.silences.retain(|loss| {
                !is_stalled(&loss.of, loss.at, loss.back_at.or(next_after(loss.at)))
            });
        }
    }
}

/// Whoever leaves again within this time may do so without having connected.
pub(crate) const SHORT_VISIT: Duration = Duration::from_secs(5);
/// Media and connections are missed a while after they have stopped.
const TIME_TO_NOTICE: Duration = Duration::from_secs(5);
/// A connection that was stalled for long enough to fail looks for a path again.
const TIME_TO_RECOVER: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stall_interrupts_is_not_lost_if_it_comes_back() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let [one, other]: [ParticipantId; 2] =
            ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let stalls: Stalls = "6s/60s".parse().unwrap();
        let lost = |stall: Option<u64>, back: Option<u64>, end| {
            let mut room = [one, other].map(|id| Observations::new(id, begin));
            room[0].stalls.extend(stall.map(at));
            room[1].losses.lose(Lost::Connection(one), at(10));
            room[1].failed.insert(one, None);
            if let Some(back) = back {
                room[1].losses.regain(&Lost::Connection(one), at(back));
                room[1].failed.clear();
            }
            room[1].losses.lose(Lost::Signaling, at(9));
            forgive_stalls(&mut room, stalls, at(end));
            let lost = room[1].losses.before(at(end)).count();
            (lost, room[1].failed.len())
        };
        // The socket is lost in any case.
        assert_eq!(lost(Some(5), Some(30), 300), (1, 0));
        assert_eq!(lost(Some(5), None, 30), (1, 0), "it had no time to come back");
        assert_eq!(lost(Some(5), None, 300), (2, 1));
        assert_eq!(lost(Some(5), Some(50), 300), (2, 0));
        assert_eq!(lost(None, Some(30), 300), (2, 0));
        assert_eq!(lost(Some(11), None, 30), (2, 1), "it was lost before the stall");
        assert_eq!(lost(Some(0), None, 24), (1, 0));
        assert_eq!(lost(Some(0), None, 28), (2, 1), "the stall was long over");
    }
}
