//! A run: fills the rooms, waits, and adds up.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use client_sdk::{MediaKind, Options, RequestError, Source};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::board::Board;
use crate::health::Bounds;
use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::local_ports::{self, TooFewPorts};
use crate::loss::AllLosses;
use crate::media::{self, Packets, Totals};
use crate::open_files::{self, TooFewFiles};
use crate::phase::Phase;
use crate::probe::{ProbeError, RelayProbe, Relayed};
use crate::progress::{self, Expected};
use crate::recorder::Recorder;
use crate::rooms;
use crate::scenario::{Depth, Plan, Scenario};
use crate::signaling::{self, Room};
use crate::slo::Objectives;
use crate::target::Target;
use crate::watcher::{Watched, Watcher};
use crate::world::World;

/// What a run is judged by.
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
    pub(crate) packets: Packets,
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
    Ports(#[from] TooFewPorts),
    #[error("cannot measure relayed messages: {0}")]
    Probe(ProbeError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl RunError {
    /// Whether the machine does not permit so large a run.
    pub(crate) fn is_too_large(&self) -> bool {
        match self {
            Self::Files(_) | Self::Ports(_) => true,
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
    open_files::check(files_needed(scenario, &plan), open_files::raise_limit())?;
    local_ports::check(plan.most_at_once() as u64 + open_files::BASE)?;
    let probe = RelayProbe::open(target).await.map_err(|error| match error {
        ProbeError::Request(error) => RunError::Create { url: target.url.clone(), error },
        error => RunError::Probe(error),
    })?;

    let begin = Instant::now();
    let creating = Duration::from_secs_f64(plan.rooms.len() as f64 / scenario.create_rate);
    let warm_up = scenario.warm_up.0;
    // What precedes the warm-up does not count either.
    let counts_from = if warm_up.is_zero() { begin } else { begin + creating + warm_up };
    let recorder = Arc::new(Recorder::new(begin, counts_from));
    let board = Arc::new(Board::new(plan.rooms.len()));
    let watcher = Watcher::start(Arc::clone(&board), target.sources.clone())?;
    let probe = probe.start(Arc::clone(&recorder))?;
    // Whoever replaces somebody comes while that one goes, and the creator's seat stays its own.
    let changes = scenario.churn || scenario.shape.is_some();
    let spare = |size: &u8| if changes { MOST_PARTICIPANTS } else { *size };
    let capacities: Vec<u8> = plan.rooms.iter().map(spare).collect();
    let rooms = tokio::select! {
        rooms = rooms::create_all(target, &capacities, scenario.create_rate, &recorder) => rooms,
        () = interrupt.wait() => vec![None; capacities.len()],
    };

    let first_join = Instant::now();
    let world = Arc::new(World {
        target: Arc::clone(target),
        scenario: scenario.clone(),
        recorder: Arc::clone(&recorder),
        board: Arc::clone(&board),
        rooms,
        begin: first_join,
    });
    let (phase, phases) = watch::channel(Phase::Running);
    let mut visits = Visits::start(&world, &plan, &phases);
    let expected = Expected {
        participants: plan.visits.len() as u64,
        // Where people come and go, nobody knows beforehand who meets.
        connections: plan.is_everybody_staying().then(|| plan.connections()),
    };
    let showing =
        tokio::spawn(progress::show(expected, Arc::clone(&world), watcher.gauge(), phases));

    let filled = first_join + plan.filled;
    let mut held = filled;
    tokio::select! {
        () = hold(&world, &plan, expected, &mut held) => {}
        () = interrupt.wait() => {}
    }
    let end = Instant::now();
    let interrupted = interrupt.is_interrupted();
    if interrupted {
        plan.cut(end.saturating_duration_since(first_join));
    }

    probe.end(end);
    phase.send_replace(Phase::Draining);
    visits.drain(&board, end + GRACE).await;
    let probe_room = probe.room.clone();
    let relayed = tokio::task::spawn_blocking(move || probe.finish(end, GRACE));
    let relayed = relayed.await.unwrap_or(Relayed::NONE);
    visits.give_up(&recorder);
    let watched = watcher.finish();
    phase.send_replace(Phase::Over);
    let totals = visits.finish(&world, end).await;
    // If it has panicked, nobody shows the progress.
    let _ = showing.await;
    let unconnected = recorder.measured(Kind::Connected).missing();
    let expected = expected.connections.filter(|_| !interrupted);
    let connections = expected.unwrap_or(totals.connections + unconnected);
    let made = world.rooms.iter().flatten().map(|room| room.id.clone());
    rooms::close_all(target, made.chain([probe_room]).collect()).await;

    Ok(Outcome {
        times: Times { begin, first_join, filled: filled.min(end), held: held.min(end), end },
        participants: Count { wanted: plan.visits.len() as u64, reached: totals.participants },
        connections: Count { wanted: connections, reached: totals.connections },
        silent: totals.silent,
        packets: totals.packets,
        losses: totals.losses,
        recorder,
        relayed,
        watched,
        interrupted,
    })
}

/// Waits until the end that was planned.
async fn hold(world: &World, plan: &Plan, expected: Expected, held: &mut Instant) {
    sleep_until((world.begin + plan.filled).into()).await;
    let Some(connections) = expected.connections else {
        return sleep_until((world.begin + plan.end).into()).await;
    };
    // The time runs even if not all of them connect.
    let mut progress = (Instant::now(), world.board.counts());
    loop {
        let (now, counts) = (Instant::now(), world.board.counts());
        if counts != progress.1 {
            progress = (now, counts);
        }
        let has_waited = |patience| now.saturating_duration_since(progress.0) >= patience;
        let has_settled = counts.entered + counts.failed >= expected.participants;
        // Whoever has not entered connects to nobody.
        let possible = connections.min(world.board.possible_connections());
        if has_settled && counts.entered == 0 {
            // Nothing is left that could happen.
            return;
        }
        if (has_settled && counts.connected >= possible) || has_waited(PATIENCE) {
            break;
        }
        sleep(POLL).await;
    }
    *held = Instant::now();
    // Media follows the connection.
    let least = match world.scenario.depth {
        Depth::Media => FIRST_MEDIA,
        Depth::Signaling => Duration::ZERO,
    };
    sleep(world.scenario.duration.0.max(least)).await;
}

/// The participants of a run.
enum Visits {
    Media { tasks: JoinSet<(usize, Option<media::Observations>)> },
    Signaling { tasks: JoinSet<signaling::SignalingVisit>, rooms: Vec<Arc<Room>> },
}

/// What the participants came to.
struct Sums {
    participants: u64,
    connections: u64,
    silent: u64,
    packets: Packets,
    losses: AllLosses,
}

impl Visits {
    fn start(world: &Arc<World>, plan: &Plan, phases: &watch::Receiver<Phase>) -> Self {
        match world.scenario.depth {
            Depth::Media => {
                let mut tasks = JoinSet::new();
                for visit in plan.visits.iter().cloned() {
                    let room = visit.room;
                    let options = options(world, visit.publishes);
                    let part = media::take_part(Arc::clone(world), visit, options, phases.clone());
                    tasks.spawn(async move { (room, part.await) });
                }
                Self::Media { tasks }
            }
            Depth::Signaling => {
                let rooms: Vec<Arc<Room>> = plan.rooms.iter().map(|_| Arc::default()).collect();
                let mut tasks = JoinSet::new();
                for visit in plan.visits.iter().cloned() {
                    let room = Arc::clone(&rooms[visit.room]);
                    let world = Arc::clone(world);
                    tasks.spawn(signaling::take_part(world, room, visit, phases.clone()));
                }
                Self::Signaling { tasks, rooms }
            }
        }
    }

    /// Waits for what is under way.
    async fn drain(&self, board: &Board, deadline: Instant) {
        let Self::Signaling { rooms, .. } = self else { return };
        let is_done = || !board.is_anybody_entering() && rooms.iter().all(|room| room.is_quiet());
        while Instant::now() < deadline && !is_done() {
            sleep(POLL).await;
        }
    }

    /// Counts as lost what has not come.
    fn give_up(&self, recorder: &Recorder) {
        let Self::Signaling { rooms, .. } = self else { return };
        for room in rooms {
            room.give_up(Instant::now(), recorder);
        }
    }

    async fn finish(&mut self, world: &World, end: Instant) -> Sums {
        let recorder = &world.recorder;
        match self {
            Self::Media { tasks } => {
                let mut rooms: Vec<Vec<media::Observations>> =
                    world.rooms.iter().map(|_| Vec::new()).collect();
                while let Some(finished) = tasks.join_next().await {
                    match finished {
                        Ok((room, Some(observations))) => rooms[room].push(observations),
                        Ok((_, None)) => {}
                        Err(error) => {
                            recorder.failed(format!("a participant's task ended: {error}"));
                        }
                    }
                }
                let mut totals = Totals::new(recorder, kinds(world), end);
                for room in &mut rooms {
                    totals.add_room(room);
                }
                Sums {
                    participants: totals.participants,
                    connections: totals.connections,
                    silent: totals.silent,
                    packets: totals.packets,
                    losses: totals.losses,
                }
            }
            Self::Signaling { tasks, .. } => {
                let mut sums = Sums {
                    participants: 0,
                    connections: 0,
                    silent: 0,
                    packets: Packets::default(),
                    losses: AllLosses::default(),
                };
                while let Some(finished) = tasks.join_next().await {
                    match finished {
                        Ok(visit) => {
                            sums.participants += u64::from(visit.entered);
                            sums.connections += visit.connections;
                            visit.losses.before(end).for_each(|loss| sums.losses.add(loss));
                        }
                        Err(error) => {
                            recorder.failed(format!("a participant's task ended: {error}"));
                        }
                    }
                }
                sums
            }
        }
    }
}

/// How many files this process has open at once.
fn files_needed(scenario: &Scenario, plan: &Plan) -> u64 {
    let sockets = plan.most_at_once() as u64;
    let connections = match scenario.depth {
        Depth::Media => plan.connections(),
        Depth::Signaling => 0,
    };
    sockets + connections + open_files::BASE
}

fn options(world: &World, publishes: bool) -> Options {
    let scenario = &world.scenario;
    let bind = match scenario.bind {
        Some(bind) => bind,
        None if world.target.is_on_this_machine() => Ipv4Addr::LOCALHOST.into(),
        None => Ipv4Addr::UNSPECIFIED.into(),
    };
    // Threads that carry only media save a third of the work. One socket for each connection is
    // enough.
    let mut options = Options::new()
        .bind_address(bind)
        .mdns(false)
        .relay_only(scenario.relay_only || scenario.has_bad_network())
        .reactor_threads(available_parallelism().map_or(1, usize::from));
    let source =
        |file: &Option<std::path::PathBuf>| file.clone().map_or(Source::Clip, Source::File);
    if publishes {
        options = options.audio(source(&scenario.audio_file));
    }
    if publishes && !scenario.no_video {
        options = options.video(source(&scenario.video_file));
    }
    options
}

fn kinds(world: &World) -> &'static [MediaKind] {
    if world.scenario.no_video {
        &[MediaKind::Audio]
    } else {
        &[MediaKind::Audio, MediaKind::Video]
    }
}

/// The longest to wait for connections of which none has come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it takes to come at most, so that a run of joins alone has it.
const FIRST_MEDIA: Duration = Duration::from_secs(2);
/// How long after the end what is under way may arrive.
const GRACE: Duration = Duration::from_secs(5);
/// What a server lets a room hold.
const MOST_PARTICIPANTS: u8 = 50;
const POLL: Duration = Duration::from_millis(20);
