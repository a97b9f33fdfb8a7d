//! The results of a run: JSON for programs, a table for people.

#[cfg(test)]
pub(crate) mod example;
mod file;
mod html;
mod judgement;
mod media;
mod merge;
mod phases;
mod replayed;
mod server_use;
mod table;
mod window;

use std::collections::BTreeMap;
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use signal_core::Timestamp;
use signal_core::wire::rfc3339;

use self::media::{MediaQuality, Packets};
pub(crate) use self::merge::MergeError;
use self::phases::{PhaseLatency, phases};
use self::replayed::Replayed;
#[cfg(test)]
pub(crate) use self::server_use::ServerMachine;
pub(crate) use self::server_use::{ServerCounts, ServerUse};
pub(crate) use self::window::Window;
use self::window::windows;
use crate::machine::health::Health;
use crate::machine::watcher::Watched;
use crate::measure::hdr;
use crate::measure::latency::Percentiles;
use crate::measure::latency_kind::Kind;
use crate::measure::loss::{LossTotals, LostKind};
use crate::measure::phase::Phase;
use crate::measure::recorder::Measured;
use crate::measure::sparse_histogram::SparseHistogram;
use crate::network::udp_path::Figures;
use crate::objectives::slo::ObjectiveResult;
use crate::objectives::verdict::Verdict;
use crate::run::{Count, Criteria, Outcome};
use crate::scenario::{Arrivals, Depth, Scenario};

/// The results. Fields of the JSON form are only ever added.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Report {
    schema: u32,
    /// The random ids of the runs that are in it: several if they were merged.
    #[serde(default)]
    run_ids: Vec<String>,
    pub(crate) verdict: Verdict,
    /// Why the run is not valid or not whole, in the order of weight.
    pub(crate) reasons: Vec<String>,
    pub(crate) settings: RunSettings,
    started_at: String,
    /// The same in milliseconds since 1970.
    pub(crate) started_unix_ms: u64,
    took_seconds: f64,
    phases_seconds: Phases,
    pub(crate) interrupted: bool,
    pub(crate) participants: Reached,
    /// Each connection counts twice, once for each end.
    connections: Reached,
    /// Ends of connections over which no audio arrived, or no video although some was sent.
    silent_connections: u64,
    packets: Packets,
    /// How streams arrived; `None` at depth signaling.
    media: Option<MediaQuality>,
    relayed: Messages,
    /// The figures of bad networks, if there were any.
    impaired: Option<Impaired>,
    /// Losses before the end of the run; kinds without losses are missing.
    losses: BTreeMap<LostKind, Losses>,
    /// From when on nobody who had entered had a signaling socket any more.
    server_gone_at_seconds: Option<f64>,
    /// By kind, from the intended start; a kind that never happened is missing.
    latency_ms: BTreeMap<Kind, Percentiles>,
    /// The same with what belongs to it.
    latencies: BTreeMap<Kind, LatencyDetails>,
    failures: Vec<Failure>,
    objectives: Vec<ObjectiveResult>,
    pub(crate) tester: Health,
    pub(crate) server: Option<ServerUse>,
    /// The server's own counts, if its metrics are known.
    pub(crate) server_counts: Option<ServerCounts>,
    /// For each second of the run, or for several of a long one.
    windows: Vec<Window>,
}

/// The settings of the run, and where it ran.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RunSettings {
    server: String,
    rooms: u32,
    /// `None` for rooms of several sizes.
    peers: Option<u8>,
    /// How long everybody stays together; the length of a recording that is replayed.
    duration_seconds: f64,
    /// `None` for a rate that changes.
    joins_per_second: Option<f64>,
    /// The recording that is replayed in place of sizes and rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<Replayed>,
    video: bool,
    version: String,
    cores: usize,
    system: String,
    scenario: Scenario,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Phases {
    first_join: f64,
    filled: f64,
    held: f64,
    end: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Reached {
    pub(crate) wanted: u64,
    reached: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Messages {
    planned: u64,
    sent: u64,
    /// Those that were planned and never arrived.
    lost: u64,
    /// When the probe lost a socket, in seconds of the run.
    broken_at_seconds: Option<f64>,
}

/// Datagrams of participants with a bad network.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Impaired {
    carried: u64,
    lost: u64,
    /// Datagrams that were dropped during a stall.
    stalled: u64,
    overtaken: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Losses {
    lost: u64,
    /// Those that were there again before the end.
    back: u64,
    first_at_seconds: f64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct LatencyDetails {
    lost: u64,
    refused: u64,
    unsent: u64,
    /// From the actual start, without unanswered steps.
    raw_ms: Option<Percentiles>,
    /// By the phase for which they were planned; one with nothing is missing.
    #[serde(default)]
    phases: BTreeMap<Phase, PhaseLatency>,
    /// In microseconds, in the V2 encoding of HdrHistogram.
    #[serde(with = "hdr")]
    histogram: Histogram<u64>,
    #[serde(with = "hdr")]
    raw_histogram: Histogram<u64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Failure {
    cause: String,
    count: u64,
}

impl RunSettings {
    pub(crate) fn new(scenario: &Scenario, server: &str) -> Self {
        let (duration, shape) = (scenario.duration.0, scenario.shape.as_ref());
        let lasts = shape.map_or(duration, |shape| shape.end(duration));
        Self {
            server: server.to_owned(),
            rooms: scenario.rooms,
            peers: scenario.peers.only().filter(|_| shape.is_none()),
            duration_seconds: lasts.as_secs_f64(),
            joins_per_second: match scenario.rate {
                Arrivals::Constant(rate) if shape.is_none() => Some(rate),
                _ => None,
            },
            replay: shape.map(Replayed::new),
            video: scenario.has_video(),
            version: env!("CARGO_PKG_VERSION").into(),
            cores: available_parallelism().map_or(1, usize::from),
            system: std::env::consts::OS.into(),
            scenario: scenario.clone(),
        }
    }
}

impl RunSettings {
    /// The names of the settings in which two scenarios differ.
    fn unlike(&self, other: &Self) -> Vec<String> {
        let mut unlike = self.scenario.unlike(&other.scenario);
        let replay = "replay".to_owned();
        if self.replay != other.replay && !unlike.contains(&replay) {
            unlike.push(replay);
        }
        unlike
    }
}

impl Report {
    pub(crate) fn new(outcome: &Outcome, criteria: &Criteria, settings: RunSettings) -> Self {
        let begin = outcome.times.begin;
        let seconds = |at: Instant| at.saturating_duration_since(begin).as_secs_f64();
        let recorder = &outcome.recorder;
        let measured: Vec<(Kind, Measured)> =
            Kind::ALL.into_iter().map(|kind| (kind, recorder.measured(kind))).collect();
        let failures: Vec<Failure> = recorder
            .failures()
            .into_iter()
            .map(|(cause, count)| Failure { cause, count })
            .collect();
        let losses: BTreeMap<_, _> = outcome
            .losses
            .by_kind
            .iter()
            .map(|(&kind, &LossTotals { lost, back, first_at, .. })| {
                (kind, Losses { lost, back, first_at_seconds: seconds(first_at) })
            })
            .collect();
        let is_media = settings.scenario.depth == Depth::Media;
        let started_unix_ms = unix_ms(begin);
        let mut report = Self {
            schema: 1,
            run_ids: vec![format!("{:032x}", rand::random::<u128>())],
            verdict: Verdict::Held,
            reasons: Vec::new(),
            settings,
            started_at: rfc3339(Timestamp::from_millis(started_unix_ms)),
            started_unix_ms,
            took_seconds: begin.elapsed().as_secs_f64(),
            phases_seconds: Phases {
                first_join: seconds(outcome.times.first_join),
                filled: seconds(outcome.times.filled),
                held: seconds(outcome.times.held),
                end: seconds(outcome.times.end),
            },
            interrupted: outcome.interrupted,
            participants: outcome.participants.into(),
            connections: outcome.connections.into(),
            silent_connections: outcome.silent,
            packets: Packets::new(&outcome.quality, seconds),
            media: is_media.then(|| MediaQuality::new(&outcome.quality)),
            relayed: Messages {
                planned: outcome.relayed.planned,
                sent: outcome.relayed.sent,
                lost: outcome.relayed.lost,
                broken_at_seconds: outcome.relayed.broken_at.map(seconds),
            },
            impaired: recorder.all_impaired().map(Impaired::from),
            losses,
            server_gone_at_seconds: outcome.losses.server_gone_at().map(seconds),
            latency_ms: measured
                .iter()
                .filter_map(|(kind, measured)| {
                    Some((*kind, measured.corrected.percentiles(begin)?))
                })
                .collect(),
            latencies: measured
                .iter()
                .filter(|(_, measured)| !measured.corrected.histogram().is_empty())
                .map(|(kind, measured)| (*kind, LatencyDetails::new(measured, begin)))
                .collect(),
            failures,
            objectives: Vec::new(),
            tester: Health::new(&outcome.watched, criteria.bounds),
            server: ServerUse::new(&outcome.watched),
            server_counts: ServerCounts::new(&outcome.watched.samples),
            windows: windows(begin, &outcome.watched, &measured, recorder),
        };
        report.tester.reasons.extend(report.exhaustion());
        report.tester.reasons.extend(report.packets.lateness(criteria.bounds.max_unsent));
        report.judge(&criteria.objectives, criteria.bounds.allow_invalid);
        report
    }

    /// Adds observations of the server that were not made by the generators.
    pub(crate) fn add_server(&mut self, watched: &Watched) {
        self.server = ServerUse::new(watched);
        self.server_counts = ServerCounts::new(&watched.samples);
        let ago = unix_ms(Instant::now()).saturating_sub(self.started_unix_ms);
        // A machine that was started after the run has seen nothing of it.
        let Some(begin) = Instant::now().checked_sub(Duration::from_millis(ago)) else { return };
        for window in &mut self.windows {
            window.add_server(begin, &watched.samples);
        }
    }

    pub(crate) fn is_server_gone(&self) -> bool {
        self.server_gone_at_seconds.is_some()
    }

    /// The causes of failures.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &str> {
        self.failures.iter().map(|failure| failure.cause.as_str())
    }

    /// The measured value of a kind, if anything of it was.
    pub(crate) fn latency(&self, kind: Kind) -> Option<&Percentiles> {
        self.latency_ms.get(&kind)
    }

    /// Whether the whole run took place and met its objectives.
    pub(crate) fn has_held(&self) -> bool {
        self.verdict == Verdict::Held && !self.interrupted
    }

    /// In which settings the runs of two reports differ.
    pub(crate) fn unlike(&self, other: &Self) -> Vec<String> {
        let (one, other) = (&self.settings, &other.settings);
        let mut unlike = one.unlike(other);
        unlike.extend((one.cores != other.cores).then(|| "cores".into()));
        unlike.extend((one.system != other.system).then(|| "system".into()));
        unlike
    }

    /// The samples of a kind by second.
    pub(crate) fn seconds_of(&self, kind: Kind) -> Vec<(u64, &SparseHistogram)> {
        let windows = self.windows.iter();
        windows.filter_map(|w| Some((w.second, &w.latency_ms.get(&kind)?.histogram))).collect()
    }

    /// How many messages of every kind went through the server.
    pub(crate) fn messages(&self) -> u64 {
        let kinds = [Kind::Relay, Kind::Offer, Kind::Answer, Kind::Candidate, Kind::Message];
        kinds.into_iter().filter_map(|kind| Some(self.latency(kind)?.count)).sum()
    }
}

impl LatencyDetails {
    fn new(measured: &Measured, begin: Instant) -> Self {
        Self {
            lost: measured.lost,
            refused: measured.refused,
            unsent: measured.unsent,
            raw_ms: measured.raw.percentiles(begin),
            phases: phases(measured),
            histogram: measured.corrected.histogram().clone(),
            raw_histogram: measured.raw.histogram().clone(),
        }
    }

    /// Planned steps that were never answered.
    fn missing(&self) -> u64 {
        self.lost + self.refused + self.unsent
    }
}

impl From<Figures> for Impaired {
    fn from(Figures { carried, lost, cut, overtaken }: Figures) -> Self {
        Self { carried, lost, stalled: cut, overtaken }
    }
}

impl From<Count> for Reached {
    fn from(Count { wanted, reached }: Count) -> Self {
        Self { wanted, reached }
    }
}

fn unix_ms(at: Instant) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.saturating_sub(at.elapsed()).as_millis()).unwrap_or(u64::MAX)
}
