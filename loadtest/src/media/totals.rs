//! The observations of all participants, added up.

use std::collections::HashMap;
use std::time::Instant;

use client_sdk::{MediaKind, ParticipantId};

use super::participant::{Observations, ObservedTrack};
use crate::kind::Kind;
use crate::loss::{AllLosses, Lost};
use crate::recorder::{Fate, Recorder, Step};

/// The sums of a run. Latencies go to its recorder.
#[derive(Debug)]
pub(crate) struct Totals<'a> {
    recorder: &'a Recorder,
    /// What each publisher sends.
    kinds: &'static [MediaKind],
    /// When everybody was told to leave. What is lost from then on is not lost.
    end: Instant,
    pub(crate) participants: u64,
    pub(crate) connections: u64,
    /// Connections over which no audio arrived, or no video although some was sent.
    pub(crate) silent: u64,
    pub(crate) packets: Packets,
    pub(crate) losses: AllLosses,
}

/// RTP packets of all tracks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Packets {
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) overrun: u64,
    /// When the first and the last one came.
    pub(crate) period: Option<(Instant, Instant)>,
}

impl<'a> Totals<'a> {
    pub(crate) fn new(recorder: &'a Recorder, kinds: &'static [MediaKind], end: Instant) -> Self {
        Self {
            recorder,
            kinds,
            end,
            participants: 0,
            connections: 0,
            silent: 0,
            packets: Packets::default(),
            losses: AllLosses::default(),
        }
    }

    /// Adds the participants of one room.
    pub(crate) fn add_room(&mut self, room: &mut [Observations]) {
        forgive_leaving(room);
        for observations in &*room {
            self.participants += 1;
            self.add_entry(observations);
            self.add_fan_out(observations, room);
            self.add_arrival(observations, room);
            for other in room.iter().filter(|other| other.id != observations.id) {
                self.add_connection(observations, other);
            }
            for track in &observations.tracks {
                self.add_track(track);
            }
            for loss in observations.losses.before(self.end) {
                self.losses.add(loss);
            }
        }
    }

    fn add_track(&mut self, track: &ObservedTrack) {
        let packets = &mut self.packets;
        packets.received += track.received;
        packets.lost += track.lost;
        packets.overrun += track.overrun;
        if let (Some(first), Some(last)) = (track.first_packet, track.last_packet) {
            let (from, to) = packets.period.unwrap_or((first, last));
            packets.period = Some((from.min(first), to.max(last)));
        }
        for silence in track.silences.before(self.end) {
            self.losses.add(silence);
        }
    }

    fn add_entry(&mut self, observations: &Observations) {
        let times = observations.times;
        if let Some(admitted) = times.admitted {
            // Counted from the planned start, so that a tester that is late makes nothing look
            // faster.
            self.answered(Kind::HttpJoin, times.intended, admitted);
        }
        self.answered(Kind::WebsocketJoined, times.entering, times.entered);
    }

    /// Counts from a newcomer's first step until those who were there before learn of it.
    fn add_fan_out(&mut self, newcomer: &Observations, room: &[Observations]) {
        let members = room.iter().filter(|member| newcomer.there.contains(&member.id));
        let mut told: Vec<Option<Instant>> =
            members.map(|member| member.met.get(&newcomer.id).copied()).collect();
        // Those who never learn of it come last.
        told.sort_by_key(|at| at.unwrap_or(self.end));
        let Some(last) = told.len().checked_sub(1) else { return };
        let since = newcomer.times.entering;
        for (kind, index) in
            [(Kind::FanOutFirst, 0), (Kind::FanOutMedian, told.len() / 2), (Kind::FanOut, last)]
        {
            match told[index] {
                Some(at) => self.answered(kind, since, at),
                None => self.recorder.unanswered(kind, since, Fate::Lost, self.end),
            }
        }
    }

    /// Counts from when a participant was to arrive until it has the media of everybody who was
    /// there.
    fn add_arrival(&mut self, newcomer: &Observations, room: &[Observations]) {
        let intended = newcomer.times.intended;
        let members = room.iter().filter(|member| newcomer.there.contains(&member.id));
        let mut complete = Some(newcomer.times.entered);
        for member in members {
            let connected = newcomer.connected.get(&member.id).copied();
            complete = later(complete, connected);
            for kind in self.kinds.iter().filter(|_| member.publishes) {
                let first = first_packet(newcomer, member.id, *kind);
                complete = later(complete, first);
            }
        }
        match complete {
            Some(at) => self.answered(Kind::Arrival, intended, at),
            None => self.recorder.unanswered(Kind::Arrival, intended, Fate::Lost, self.end),
        }
    }

    fn add_connection(&mut self, observations: &Observations, to: &Observations) {
        let Some(&met) = observations.met.get(&to.id) else { return };
        let connected = observations.connected.get(&to.id).copied();
        let Some(connected) = connected.filter(|_| !observations.failed.contains(&to.id)) else {
            // Whoever leaves need not have connected.
            if observations.left.is_none() && to.left.is_none() {
                self.recorder.unanswered(Kind::Connected, met, Fate::Lost, self.end);
            }
            return;
        };
        self.connections += 1;
        self.answered(Kind::Connected, met, connected);
        if !to.publishes {
            return;
        }
        let arrived: Vec<Instant> =
            self.kinds.iter().filter_map(|kind| first_packet(observations, to.id, *kind)).collect();
        match arrived.iter().min() {
            Some(&first) => self.answered(Kind::FirstMedia, met, first),
            None => self.recorder.unanswered(Kind::FirstMedia, met, Fate::Lost, self.end),
        }
        if arrived.len() < self.kinds.len() {
            self.silent += 1;
        }
    }

    fn answered(&self, kind: Kind, intended: Instant, ended: Instant) {
        self.recorder.answered(kind, Step { intended, started: intended, ended });
    }
}

fn later(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.zip(other).map(|(one, other)| one.max(other))
}

fn first_packet(
    observations: &Observations,
    from: ParticipantId,
    kind: MediaKind,
) -> Option<Instant> {
    let tracks = observations.tracks.iter();
    let of_kind = tracks.filter(|track| track.from == from && track.kind == kind);
    of_kind.filter_map(|track| track.first_packet).min()
}

/// Whoever leaves as planned is not lost, and neither are the connection to it and its media.
fn forgive_leaving(room: &mut [Observations]) {
    let left: HashMap<ParticipantId, Instant> =
        room.iter().filter_map(|visit| Some((visit.id, visit.left?))).collect();
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
