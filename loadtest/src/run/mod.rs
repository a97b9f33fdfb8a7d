//! A run: fills the rooms, waits, and adds up.

mod probe;
mod progress;
mod rooms;

use std::sync::Arc;
use std::time::{Duration, Instant};

use client_sdk::RequestError;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

pub(crate) use self::probe::Relayed;
use self::probe::{ProbeError, RelayProbe};
use self::progress::Expected;

use crate::interrupt::Interrupt;
use crate::machine::health::Bounds;
use crate::machine::open_files::{self, TooFewFiles};
use crate::machine::watcher::{Watched, Watcher};
use crate::measure::latency_kind::Kind;
use crate::measure::live_counts::LiveCounts;
use crate::measure::loss::AllLosses;
use crate::measure::phase::Phase;
use crate::measure::recorder::Recorder;
use crate::network::local_ports::{self, TooFewPorts};
use crate::objectives::slo::Objectives;
use crate::participants::media::Quality;
use crate::participants::visits::Visits;
use crate::participants::world::{PATIENCE, World};
use crate::scenario::{Depth, Plan, Scenario, TooLong};
use crate::target::Target;

/// The criteria for the verdict on a run.
#[derive(Clone, Debug)]
pub(crate) struct Criteria {
    pub(crate) objectives: Objectives,
    pub(crate) bounds: Bounds,
}

/// Everything that a run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) times: Times,
    pub(crate) participants: Count,
    /// Each connection counts twice, once for each end.
    pub(crate) connections: Count,
    pub(crate) silent: u64,
    pub(crate) quality: Quality,
    pub(crate) losses: AllLosses,
    pub(crate) relayed: Relayed,
    pub(crate) watched: Watched,
    pub(crate) interrupted: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) wanted: u64,
    pub(crate) reached: u64,
}

/// When the parts of a run began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) begin: Instant,
    pub(crate) first_join: Instant,
    /// When the last one of the first filling had to join.
    pub(crate) filled: Instant,
    /// When everybody was connected, or no longer waited for.
    pub(crate) held: Instant,
    pub(crate) end: Instant,
}

/// Why nothing was measured.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("cannot create a room at {url}: {error}")]
    Create { url: String, error: RequestError },
    #[error(transparent)]
    Files(#[from] TooFewFiles),
    #[error(transparent)]
    Length(#[from] TooLong),
    #[error(transparent)]
    Ports(#[from] TooFewPorts),
    #[error("cannot measure relayed messages: {0}")]
    Probe(ProbeError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl RunError {
    /// Whether so large or so long a run is not possible.
    pub(crate) fn is_too_large(&self) -> bool {
        match self {
            Self::Files(_) | Self::Length(_) | Self::Ports(_) => true,
            Self::Create { .. } | Self::Probe(_) | Self::Thread(_) => false,
        }
    }
}

/// Carries out a scenario.
pub(crate) async fn run(
    scenario: &Scenario,
    target: &Arc<Target>,
    interrupt: &Interrupt,
) -> Result<Outcome, RunError> {
    let mut plan = Plan::new(scenario);
    let minutes = plan.room_minutes(scenario.create_rate)?;
    open_files::check(files_needed(scenario, &plan), open_files::raise_limit())?;
    local_ports::check(plan.most_at_once() as u64 + open_files::BASE)?;
    let probe = RelayProbe::open(target, minutes).await.map_err(|error| match error {
        ProbeError::Request(error) => RunError::Create { url: target.url.clone(), error },
        error => RunError::Probe(error),
    })?;

    let begin = Instant::now();
    let creating = Duration::from_secs_f64(plan.rooms.len() as f64 / scenario.create_rate);
    let warm_up = scenario.warm_up.0;
    // The time before the warm-up does not count either.
    let counts_from = if warm_up.is_zero() { begin } else { begin + creating + warm_up };
    let recorder = Arc::new(Recorder::new(begin, counts_from));
    let live = Arc::new(LiveCounts::new(plan.rooms.len()));
    let watcher = Watcher::start(Arc::clone(&live), target.sources.clone())?;
    let probe = probe.start(Arc::clone(&recorder))?;
    // A newcomer comes while the participant that it replaces goes, and the creator's seat is kept.
    let changes = scenario.churn || scenario.shape.is_some();
    let spare = |size: &u8| if changes { MOST_PARTICIPANTS } else { *size };
    let capacities: Vec<u8> = plan.rooms.iter().map(spare).collect();
    let rate = scenario.create_rate;
    let rooms = rooms::create_all(target, &capacities, minutes, rate, &recorder, interrupt).await;
    if interrupt.is_interrupted() {
        plan.visits.clear();
    }

    let first_join = Instant::now();
    let world = Arc::new(World {
        target: Arc::clone(target),
        scenario: scenario.clone(),
        recorder: Arc::clone(&recorder),
        live: Arc::clone(&live),
        rooms,
        begin: first_join,
        end: first_join + plan.end,
        interrupt: interrupt.clone(),
    });
    let (phase, phases) = watch::channel(Phase::Ramp);
    let visits = Visits::start(&world, &plan, &phases);
    let expected = Expected {
        participants: plan.visits.len() as u64,
        // Where people come and go, nobody knows beforehand who meets.
        connections: plan.is_everybody_staying().then(|| plan.connections()),
    };
    let showing =
        tokio::spawn(progress::show(expected, Arc::clone(&world), watcher.gauge(), phases));

    let filled = first_join + plan.filled;
    let mut held = None;
    let planned = async {
        if !fill(&world, &plan, expected).await {
            return;
        }
        let now = *held.insert(Instant::now());
        recorder.begin(Phase::Steady, now);
        phase.send_replace(Phase::Steady);
        hold(&world, &plan).await;
    };
    tokio::select! {
        () = planned => {}
        () = interrupt.wait() => {}
    }
    let end = Instant::now();
    let held = held.unwrap_or(filled);
    let interrupted = interrupt.is_interrupted();
    if interrupted {
        plan.cut(end.saturating_duration_since(first_join));
    }

    probe.end(end);
    recorder.begin(Phase::End, end);
    phase.send_replace(Phase::End);
    visits.drain(&live, end + GRACE).await;
    let probe_room = probe.room.clone();
    let relayed = tokio::task::spawn_blocking(move || probe.finish(end, GRACE));
    let relayed = relayed.await.unwrap_or(Relayed::NONE);
    visits.give_up(&world);
    let watched = watcher.finish();
    phase.send_replace(Phase::Over);
    let totals = visits.finish(&world, end).await;
    // If it has panicked, nobody shows the progress.
    let _ = showing.await;
    let unconnected = recorder.measured(Kind::Connected).missing();
    let expected = expected.connections.filter(|_| !interrupted);
    let connections = expected.unwrap_or(totals.connections + unconnected);
    let made = world.rooms.iter().flatten().map(|room| room.id.clone());
    if let Err(left) = rooms::close_all(target, made.chain([probe_room]).collect()).await {
        eprintln!("{left}");
    }

    Ok(Outcome {
        times: Times { begin, first_join, filled: filled.min(end), held: held.min(end), end },
        participants: Count {
            wanted: (plan.visits.len() as u64).saturating_sub(live.cut_short()),
            reached: totals.participants,
        },
        connections: Count { wanted: connections, reached: totals.connections },
        silent: totals.silent,
        quality: totals.quality,
        losses: totals.losses,
        recorder,
        relayed,
        watched,
        interrupted,
    })
}

/// Waits until everybody is connected, or no longer waited for. Returns whether anybody is there.
async fn fill(world: &World, plan: &Plan, expected: Expected) -> bool {
    sleep_until((world.begin + plan.filled).into()).await;
    let Some(connections) = expected.connections else { return true };
    // The time runs even if not all of them connect.
    let mut progress = (Instant::now(), world.live.counts());
    loop {
        let (now, counts) = (Instant::now(), world.live.counts());
        if counts != progress.1 {
            progress = (now, counts);
        }
        let has_waited = |patience| now.saturating_duration_since(progress.0) >= patience;
        let has_settled = counts.entered + counts.failed >= expected.participants;
        // A participant that has not entered has no connections.
        let possible = connections.min(world.live.possible_connections());
        if has_settled && counts.entered == 0 {
            // Nothing is left that could happen.
            return false;
        }
        if (has_settled && counts.connected >= possible) || has_waited(PATIENCE) {
            return true;
        }
        sleep(POLL).await;
    }
}

/// Waits until the end that was planned.
async fn hold(world: &World, plan: &Plan) {
    if !plan.is_everybody_staying() {
        return sleep_until((world.begin + plan.end).into()).await;
    }
    // Media follows the connection.
    let least = match world.scenario.depth {
        Depth::Media => FIRST_MEDIA,
        Depth::Signaling => Duration::ZERO,
    };
    sleep(world.scenario.duration.0.max(least)).await;
}

/// How many files this process has open at once.
fn files_needed(scenario: &Scenario, plan: &Plan) -> u64 {
    let sockets = plan.most_at_once() as u64;
    let media = match scenario.depth {
        Depth::Media => plan.connections() + bad_network_sockets(scenario, plan),
        Depth::Signaling => 0,
    };
    sockets + media + open_files::BASE
}

/// A bad network has a socket towards its participant, and for each of its connections one towards
/// the TURN server.
fn bad_network_sockets(scenario: &Scenario, plan: &Plan) -> u64 {
    if !scenario.has_bad_network() {
        return 0;
    }
    let impaired = |size: u8| scenario.impaired.map_or(size, |impaired| impaired.min(size));
    plan.rooms.iter().map(|size| u64::from(impaired(*size)) * u64::from(*size)).sum()
}

/// How long it takes to come at most, so that a run of joins alone has it.
const FIRST_MEDIA: Duration = Duration::from_secs(2);
/// How long after the end pending messages may arrive.
const GRACE: Duration = Duration::from_secs(5);
/// The most participants that a server permits in a room.
const MOST_PARTICIPANTS: u8 = 50;
const POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ScenarioSettings;

    #[test]
    fn the_sockets_of_bad_networks_are_files_too() {
        let mut scenario = Scenario::new(&ScenarioSettings::default(), None).unwrap();
        let files = |scenario: &Scenario| files_needed(scenario, &Plan::new(scenario));
        let good = files(&scenario);
        scenario.impair_stall = Some("2s/30s".parse().unwrap());
        assert_eq!(files(&scenario), good + 4 * 4 * 4);
        scenario.impaired = Some(1);
        assert_eq!(files(&scenario), good + 4 * 4);
    }
}
