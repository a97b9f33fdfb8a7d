//! The observations of all participants, added up.

use std::time::Instant;

use client_sdk::{MediaKind, ParticipantId};

use crate::latency::Latencies;
use crate::participant::Observations;

/// The sums and histograms of a run.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) participants: u64,
    pub(crate) connections: u64,
    /// Connections over which no audio arrived, or no video although some was sent.
    pub(crate) silent: u64,
    pub(crate) packets_received: u64,
    pub(crate) packets_lost: u64,
    pub(crate) packets_overrun: u64,
    pub(crate) http_join: Latencies,
    pub(crate) joined: Latencies,
    pub(crate) fan_out: Latencies,
    pub(crate) connected: Latencies,
    pub(crate) first_media: Latencies,
}

impl Totals {
    pub(crate) fn new() -> Self {
        Self {
            participants: 0,
            connections: 0,
            silent: 0,
            packets_received: 0,
            packets_lost: 0,
            packets_overrun: 0,
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
                self.packets_received += track.received;
                self.packets_lost += track.lost;
                self.packets_overrun += track.overrun;
            }
        }
    }

    fn add_entry(&mut self, observations: &Observations) {
        let times = observations.times;
        if let Some(admitted) = times.admitted {
            // Counted from the planned start, so that a tester that is late makes nothing look
            // faster.
            self.http_join.record(admitted - times.intended);
        }
        self.joined.record(times.entered - times.entering);
    }

    /// Counts from a newcomer's first step until the last of those who were there before learns of
    /// it.
    fn add_fan_out(&mut self, newcomer: &Observations, room: &[Observations]) {
        // Ids fall: those who were there before have larger ones.
        let told = room.iter().filter(|member| member.id > newcomer.id);
        let told: Option<Vec<Instant>> =
            told.map(|member| member.met.get(&newcomer.id).copied()).collect();
        if let Some(last) = told.and_then(|told| told.into_iter().max()) {
            self.fan_out.record(last.saturating_duration_since(newcomer.times.entering));
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
        self.connected.record(connected.saturating_duration_since(met));
        let tracks = observations.tracks.iter().filter(|track| track.from == to);
        let with_packets = tracks.filter_map(|track| Some((track.kind, track.first_packet?)));
        let arrived: Vec<(MediaKind, Instant)> = with_packets.collect();
        if let Some(first) = arrived.iter().map(|(_, at)| *at).min() {
            self.first_media.record(first.saturating_duration_since(met));
        }
        if !kinds.iter().all(|kind| arrived.iter().any(|(arrived, _)| arrived == kind)) {
            self.silent += 1;
        }
    }
}
