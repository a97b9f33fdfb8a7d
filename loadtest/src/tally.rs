//! What all participants of all rooms have seen, added up.

use std::time::Instant;

use client_sdk::{MediaKind, ParticipantId};

use crate::latency::Latencies;
use crate::participant::Seen;

/// The sums.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) participants: u64,
    pub(crate) connections: u64,
    /// Connections that were there but brought no audio, or no video where there should be some.
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

impl Tally {
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

    /// Adds one room.
    pub(crate) fn add_room(&mut self, room: &[Seen], kinds: &[MediaKind]) {
        for seen in room {
            self.participants += 1;
            self.add_entry(seen);
            self.add_fan_out(seen, room);
            for other in room.iter().filter(|other| other.id != seen.id) {
                self.add_connection(seen, other.id, kinds);
            }
            for track in &seen.tracks {
                self.packets_received += track.packets.received();
                self.packets_overrun += track.overrun;
                let arrived = track.packets.received() + track.overrun;
                self.packets_lost += track.packets.expected().saturating_sub(arrived);
            }
        }
    }

    fn add_entry(&mut self, seen: &Seen) {
        let times = seen.times;
        if let Some(admitted) = times.admitted {
            // From when it was meant to start: a tester that is late makes nothing look faster.
            self.http_join.record(admitted - times.intended);
        }
        self.joined.record(times.entered - times.entering);
    }

    /// From a newcomer's first step until the last of those who were there before it knows of it.
    fn add_fan_out(&mut self, newcomer: &Seen, room: &[Seen]) {
        // Ids fall: whoever has a larger one was there before.
        let told = room.iter().filter(|member| member.id > newcomer.id);
        let told: Option<Vec<Instant>> =
            told.map(|member| member.met.get(&newcomer.id).copied()).collect();
        if let Some(last) = told.and_then(|told| told.into_iter().max()) {
            self.fan_out.record(last.saturating_duration_since(newcomer.times.entering));
        }
    }

    fn add_connection(&mut self, seen: &Seen, to: ParticipantId, kinds: &[MediaKind]) {
        let met = seen.met.get(&to);
        let (Some(&met), Some(&connected)) = (met, seen.connected.get(&to)) else { return };
        if seen.failed.contains(&to) {
            return;
        }
        self.connections += 1;
        self.connected.record(connected.saturating_duration_since(met));
        let tracks = seen.tracks.iter().filter(|track| track.from == to);
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
