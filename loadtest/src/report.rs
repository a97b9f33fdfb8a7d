//! The results of a run: JSON for programs, a table for people.

mod html;
mod server_use;
mod table;
mod window;

use std::collections::BTreeMap;
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime};

use serde::Serialize;
use signal_core::Timestamp;
use signal_core::wire::rfc3339;

pub(crate) use self::server_use::ServerUse;
use self::window::{Window, windows};
use crate::hdr;
use crate::health::Health;
use crate::kind::Kind;
use crate::latency::Percentiles;
use crate::loss::{LossTotals, LostKind};
use crate::recorder::{Measured, Recorder};
use crate::run::{Count, Criteria, Outcome};
use crate::scenario::{Arrivals, Depth, Scenario};
use crate::slo::{Counter, Held};
use crate::verdict::Verdict;

/// The results. Fields of the JSON form are only ever added.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    pub(crate) verdict: Verdict,
    /// Why the run is not valid or not whole, in the order of weight.
    pub(crate) reasons: Vec<String>,
    settings: RunSettings,
    started_at: String,
    took_seconds: f64,
    phases_seconds: Phases,
    interrupted: bool,
    participants: Reached,
    /// Each connection counts twice, once for each end.
    connections: Reached,
    /// Ends of connections over which no audio arrived, or no video although some was sent.
    silent_connections: u64,
    packets: Packets,
    relayed: Messages,
    /// What participants had and lost before the run ended; a kind that was never lost is missing.
    losses: BTreeMap<LostKind, Losses>,
    /// From when on nobody who had entered had a signaling socket any more.
    server_gone_at_seconds: Option<f64>,
    /// By kind, from the intended start; a kind that never happened is missing.
    latency_ms: BTreeMap<&'static str, Percentiles>,
    /// The same with what belongs to it.
    latencies: BTreeMap<&'static str, LatencyDetails>,
    failures: Vec<Failure>,
    objectives: Vec<Held>,
    pub(crate) tester: Health,
    pub(crate) server: Option<ServerUse>,
    /// For each second of the run.
    windows: Vec<Window>,
}

/// The settings of the run, and where it ran.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunSettings {
    server: String,
    rooms: u32,
    /// `None` for rooms of several sizes.
    peers: Option<u8>,
    duration_seconds: f64,
    /// `None` for a rate that changes.
    joins_per_second: Option<f64>,
    video: bool,
    version: &'static str,
    cores: usize,
    system: &'static str,
    scenario: Scenario,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Phases {
    first_join: f64,
    filled: f64,
    held: f64,
    end: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Reached {
    wanted: u64,
    reached: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Packets {
    received: u64,
    lost: u64,
    /// Dropped because this process was too slow to take them.
    overrun: u64,
    /// The seconds of the run in which the first and the last one came.
    period_seconds: Option<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Messages {
    planned: u64,
    sent: u64,
    /// Those that were planned and never arrived.
    lost: u64,
    /// When the probe lost a socket, in seconds of the run.
    broken_at_seconds: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Losses {
    lost: u64,
    /// Those that were there again before the end.
    back: u64,
    first_at_seconds: f64,
}

#[derive(Clone, Debug, Serialize)]
struct LatencyDetails {
    lost: u64,
    refused: u64,
    unsent: u64,
    /// From the actual start, without what was never answered.
    raw_ms: Option<Percentiles>,
    /// In microseconds, in the V2 encoding of HdrHistogram.
    histogram: String,
    raw_histogram: String,
    /// The latency that each share does not exceed, in milliseconds.
    #[serde(skip)]
    curve: Vec<(f64, f64)>,
    #[serde(skip)]
    raw_curve: Vec<(f64, f64)>,
}

#[derive(Clone, Debug, Serialize)]
struct Failure {
    cause: String,
    count: u64,
}

impl RunSettings {
    pub(crate) fn new(scenario: &Scenario, server: &str) -> Self {
        Self {
            server: server.to_owned(),
            rooms: scenario.rooms,
            peers: scenario.peers.only(),
            duration_seconds: scenario.duration.0.as_secs_f64(),
            joins_per_second: match scenario.rate {
                Arrivals::Constant(rate) => Some(rate),
                Arrivals::Burst | Arrivals::Ramp { .. } | Arrivals::Steps(_) => None,
            },
            video: !scenario.no_video,
            version: env!("CARGO_PKG_VERSION"),
            cores: available_parallelism().map_or(1, usize::from),
            system: std::env::consts::OS,
            scenario: scenario.clone(),
        }
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
            .0
            .iter()
            .map(|(&kind, &LossTotals { lost, back, first_at, .. })| {
                (kind, Losses { lost, back, first_at_seconds: seconds(first_at) })
            })
            .collect();
        let gone_at = outcome.losses.server_gone_at(outcome.participants.reached);
        let mut report = Self {
            schema: 1,
            verdict: Verdict::Held,
            reasons: Vec::new(),
            settings,
            started_at: started_at(begin),
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
            packets: Packets {
                received: outcome.packets.received,
                lost: outcome.packets.lost,
                overrun: outcome.packets.overrun,
                period_seconds: outcome
                    .packets
                    .period
                    .map(|(from, to)| (seconds(from), seconds(to))),
            },
            relayed: Messages {
                planned: outcome.relayed.planned,
                sent: outcome.relayed.sent,
                lost: outcome.relayed.lost,
                broken_at_seconds: outcome.relayed.broken_at.map(seconds),
            },
            losses,
            server_gone_at_seconds: gone_at
                .filter(|_| outcome.participants.reached > 0)
                .map(seconds),
            latency_ms: measured
                .iter()
                .filter_map(|(kind, measured)| {
                    Some((kind.name(), measured.corrected.percentiles(begin)?))
                })
                .collect(),
            latencies: measured
                .iter()
                .filter(|(_, measured)| !measured.corrected.histogram().is_empty())
                .map(|(kind, measured)| (kind.name(), LatencyDetails::new(measured, begin)))
                .collect(),
            failures,
            objectives: Vec::new(),
            tester: Health::new(&outcome.watched, criteria.bounds),
            server: ServerUse::new(&outcome.watched.samples),
            windows: windows(begin, &outcome.watched.samples, &measured),
        };
        report.judge(recorder, criteria);
        report
    }

    pub(crate) fn is_server_gone(&self) -> bool {
        self.server_gone_at_seconds.is_some()
    }

    /// The causes of failures.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &str> {
        self.failures.iter().map(|failure| failure.cause.as_str())
    }

    pub(crate) fn cores(&self) -> f64 {
        self.settings.cores as f64
    }

    /// The measured value of a kind, if anything of it was.
    pub(crate) fn latency(&self, kind: Kind) -> Option<&Percentiles> {
        self.latency_ms.get(kind.name())
    }

    /// How many messages of every kind went through the server.
    pub(crate) fn messages(&self) -> u64 {
        let kinds = [Kind::Relay, Kind::Offer, Kind::Answer, Kind::Candidate, Kind::Message];
        kinds.into_iter().filter_map(|kind| Some(self.latency(kind)?.count)).sum()
    }

    fn judge(&mut self, recorder: &Recorder, criteria: &Criteria) {
        let objectives = &criteria.objectives.0;
        self.objectives = objectives
            .iter()
            .map(|objective| objective.judge(recorder, |counter| self.count(counter)))
            .collect();
        let is_invalid = !self.tester.reasons.is_empty() && !criteria.bounds.allow_invalid;
        let broken = self.broken();
        let missed: Vec<String> = self
            .objectives
            .iter()
            .filter(|held| !held.held)
            .map(|held| match held.value {
                Some(value) => format!("{} was not held: {value:.3}", held.objective),
                None => format!("{} was not held: nothing was measured", held.objective),
            })
            .collect();
        self.verdict = if self.server_gone_at_seconds.is_some() {
            Verdict::Broken
        } else if is_invalid {
            Verdict::Invalid
        } else if !broken.is_empty() {
            Verdict::Broken
        } else if !missed.is_empty() {
            Verdict::Missed
        } else {
            Verdict::Held
        };
        let invalid = self.tester.reasons.iter().filter(|_| is_invalid).cloned();
        self.reasons = match self.verdict {
            Verdict::Held => Vec::new(),
            Verdict::Broken => broken.into_iter().chain(missed).chain(invalid).collect(),
            Verdict::Invalid => invalid.chain(broken).chain(missed).collect(),
            Verdict::Missed => missed,
        };
    }

    /// What was not as it has to be, whatever the objectives are.
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if let Some(seconds) = self.server_gone_at_seconds {
            broken.push(format!(
                "the server was gone from {seconds:.1} s on; nobody had a signaling socket any more"
            ));
        }
        let everybody =
            [self.participants, self.connections].iter().all(|count| count.reached >= count.wanted);
        if !everybody || self.silent_connections > 0 {
            broken.push(match self.settings.scenario.depth {
                Depth::Media => {
                    "not everybody was connected to everybody and received its media".into()
                }
                Depth::Signaling => "not everybody was connected to everybody".into(),
            });
        }
        if !self.losses.is_empty() {
            broken.push("not everything that was there stayed until the end".into());
        }
        if self.relayed.lost > 0 {
            broken.push("relayed messages were lost".into());
        }
        let missing = self.missing();
        if missing > 0 {
            broken.push(format!("{missing} steps were planned and never answered"));
        }
        for Failure { cause, count } in &self.failures {
            broken.push(format!("{count} × {cause}"));
        }
        broken
    }

    /// How many steps of all kinds were never answered.
    fn missing(&self) -> u64 {
        let missing = |kind: &LatencyDetails| kind.lost + kind.refused + kind.unsent;
        self.latencies.values().map(missing).sum()
    }

    fn count(&self, counter: Counter) -> f64 {
        match counter {
            Counter::Failed => {
                self.failures.iter().map(|failure| failure.count).sum::<u64>() as f64
            }
            Counter::Loss => {
                let Packets { received, lost, .. } = self.packets;
                lost as f64 / (received + lost).max(1) as f64
            }
            Counter::Lost => self.losses.values().map(|losses| losses.lost).sum::<u64>() as f64,
            Counter::Missing => {
                let planned: u64 = self.latency_ms.values().map(|told| told.count).sum();
                self.missing() as f64 / planned.max(1) as f64
            }
            Counter::Silent => self.silent_connections as f64,
        }
    }
}

impl LatencyDetails {
    fn new(measured: &Measured, begin: Instant) -> Self {
        Self {
            lost: measured.lost,
            refused: measured.refused,
            unsent: measured.unsent,
            raw_ms: measured.raw.percentiles(begin),
            histogram: hdr::encode(measured.corrected.histogram()),
            raw_histogram: hdr::encode(measured.raw.histogram()),
            curve: measured.corrected.curve(),
            raw_curve: measured.raw.curve(),
        }
    }
}

impl From<Count> for Reached {
    fn from(Count { wanted, reached }: Count) -> Self {
        Self { wanted, reached }
    }
}

fn started_at(begin: Instant) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let started = since.saturating_sub(begin.elapsed());
    rfc3339(Timestamp::from_millis(u64::try_from(started.as_millis()).unwrap_or(u64::MAX)))
}
