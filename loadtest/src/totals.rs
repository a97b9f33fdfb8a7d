//! The observations of all participants, added up.

use std::collections::BTreeMap;
use std::time::Instant;

use client_sdk::{MediaKind, ParticipantId};

use crate::latency::Latencies;
use crate::loss::{Loss, LostKind};
use crate::participant::{Observations, ObservedTrack};

/// The sums and histograms of a run.
#[derive(Debug)]
pub(crate) struct Totals {
    /// When everybody was told to leave. What is lost from then on is not lost.
    end: Instant,
    pub(crate) participants: u64,
    pub(crate) connections: u64,
    /// Connections over which no audio arrived, or no video although some was sent.
    pub(crate) silent: u64,
    pub(crate) packets_received: u64,
    pub(crate) packets_lost: u64,
    pub(crate) packets_overrun: u64,
    /// When the first and the last packet came.
    pub(crate) packets_period: Option<(Instant, Instant)>,
    pub(crate) losses: BTreeMap<LostKind, LossTotals>,
    pub(crate) http_join: Latencies,
    pub(crate) joined: Latencies,
    pub(crate) fan_out: Latencies,
    pub(crate) connected: Latencies,
    pub(crate) first_media: Latencies,
}

/// The losses of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossTotals {
    pub(crate) lost: u64,
    /// Those that were there again before the end.
    pub(crate) back: u64,
    pub(crate) first_at: Instant,
    /// When the last one that did not come back was lost.
    pub(crate) last_for_good_at: Option<Instant>,
}

impl Totals {
    pub(crate) fn new(end: Instant) -> Self {
        Self {
            end,
            participants: 0,
            connections: 0,
            silent: 0,
            packets_received: 0,
            packets_lost: 0,
            packets_overrun: 0,
            packets_period: None,
            losses: BTreeMap::new(),
            http_join: Latencies::new(),
            joined: Latencies::new(),
            fan_out: Latencies::new(),
            connected: Latencies::new(),
            first_media: Latencies::new(),
        }
    }

    /// Adds the participants of one room.
    pub(crate) fn add_room(&mut self, room: &[Observations], kinds: &[MediaKind]) {
        for observations in room {
            self.participants += 1;
            self.add_entry(observations);
            self.add_fan_out(observations, room);
            for other in room.iter().filter(|other| other.id != observations.id) {
                self.add_connection(observations, other.id, kinds);
            }
            for track in &observations.tracks {
                self.add_track(track);
            }
            for loss in observations.losses.before(self.end) {
                add_loss(&mut self.losses, loss);
            }
        }
    }

    /// When the last of those who had entered lost its signaling socket, if none got one back.
    pub(crate) fn server_gone_at(&self) -> Option<Instant> {
        let sockets = self.losses.get(&LostKind::SignalingSockets)?;
        let for_good = sockets.lost - sockets.back;
        sockets.last_for_good_at.filter(|_| for_good == self.participants)
    }

    fn add_track(&mut self, track: &ObservedTrack) {
        self.packets_received += track.received;
        self.packets_lost += track.lost;
        self.packets_overrun += track.overrun;
        if let (Some(first), Some(last)) = (track.first_packet, track.last_packet) {
            let (from, to) = self.packets_period.unwrap_or((first, last));
            self.packets_period = Some((from.min(first), to.max(last)));
        }
        for silence in track.silences.before(self.end) {
            add_loss(&mut self.losses, silence);
        }
    }

    fn add_entry(&mut self, observations: &Observations) {
        let times = observations.times;
        if let Some(admitted) = times.admitted {
            // Counted from the planned start, so that a tester that is late makes nothing look
            // faster.
            self.http_join.record(admitted - times.intended, admitted);
        }
        self.joined.record(times.entered - times.entering, times.entered);
    }

    /// Counts from a newcomer's first step until the last of those who were there before learns of
    /// it.
    fn add_fan_out(&mut self, newcomer: &Observations, room: &[Observations]) {
        // Ids fall: those who were there before have larger ones.
        let told = room.iter().filter(|member| member.id > newcomer.id);
        let told: Option<Vec<Instant>> =
            told.map(|member| member.met.get(&newcomer.id).copied()).collect();
        if let Some(last) = told.and_then(|told| told.into_iter().max()) {
            let waited = last.saturating_duration_since(newcomer.times.entering);
            self.fan_out.record(waited, last);
        }
    }

    fn add_connection(
        &mut self,
        observations: &Observations,
        to: ParticipantId,
        kinds: &[MediaKind],
    ) {
        let met = observations.met.get(&to);
        let (Some(&met), Some(&connected)) = (met, observations.connected.get(&to)) else { return };
        if observations.failed.contains(&to) {
            return;
        }
        self.connections += 1;
        self.connected.record(connected.saturating_duration_since(met), connected);
        let tracks = observations.tracks.iter().filter(|track| track.from == to);
        let with_packets = tracks.filter_map(|track| Some((track.kind, track.first_packet?)));
        let arrived: Vec<(MediaKind, Instant)> = with_packets.collect();
        if let Some(first) = arrived.iter().map(|(_, at)| *at).min() {
            self.first_media.record(first.saturating_duration_since(met), first);
        }
        if !kinds.iter().all(|kind| arrived.iter().any(|(arrived, _)| arrived == kind)) {
            self.silent += 1;
        }
    }
}

fn add_loss(losses: &mut BTreeMap<LostKind, LossTotals>, loss: &Loss) {
    let totals = losses.entry(loss.of.kind()).or_insert(LossTotals {
        lost: 0,
        back: 0,
        first_at: loss.at,
        last_for_good_at: None,
    });
    totals.lost += 1;
    totals.first_at = totals.first_at.min(loss.at);
    match loss.back_at {
        Some(_) => totals.back += 1,
        None => totals.last_for_good_at = totals.last_for_good_at.max(Some(loss.at)),
    }
}
