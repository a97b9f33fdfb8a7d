//! The participants of a run, at either depth.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use client_sdk::{MediaKind, Options};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::board::Board;
use crate::loss::AllLosses;
use crate::media::{self, Observations, Quality, SHORT_VISIT, Totals};
use crate::phase::Phase;
use crate::room::Room;
use crate::scenario::{Depth, Plan};
use crate::signaling::{self, SignalingVisit};
use crate::world::{PATIENCE, World};

/// The participants of a run, each in a task of its own.
pub(crate) struct Visits {
    rooms: Vec<Arc<Room>>,
    tasks: Tasks,
}

enum Tasks {
    /// With the number of the room.
    Media(JoinSet<(usize, Option<Observations>)>),
    Signaling(JoinSet<SignalingVisit>),
}

/// The sums over all participants.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) participants: u64,
    pub(crate) connections: u64,
    pub(crate) silent: u64,
    pub(crate) quality: Quality,
    pub(crate) losses: AllLosses,
}

impl Visits {
    pub(crate) fn start(world: &Arc<World>, plan: &Plan, phases: &watch::Receiver<Phase>) -> Self {
        let rooms: Vec<Arc<Room>> = plan.rooms.iter().map(|_| Arc::default()).collect();
        let visits = plan.visits.iter().cloned();
        let parts = visits.map(|visit| (Arc::clone(&rooms[visit.room]), visit, phases.clone()));
        let tasks = match world.scenario.depth {
            Depth::Media => {
                let mut tasks = JoinSet::new();
                for (room, visit, phases) in parts {
                    let (number, options) = (visit.room, options(world, visit.publishes));
                    let part = media::take_part(Arc::clone(world), room, visit, options, phases);
                    tasks.spawn(async move { (number, part.await) });
                }
                Tasks::Media(tasks)
            }
            Depth::Signaling => {
                let mut tasks = JoinSet::new();
                for (room, visit, phases) in parts {
                    tasks.spawn(signaling::take_part(Arc::clone(world), room, visit, phases));
                }
                Tasks::Signaling(tasks)
            }
        };
        Self { rooms, tasks }
    }

    /// Waits for pending messages.
    pub(crate) async fn drain(&self, board: &Board, deadline: Instant) {
        let has_measured = || match self.tasks {
            Tasks::Media(_) => board.has_everybody_measured(),
            Tasks::Signaling(_) => true,
        };
        let is_quiet = || self.rooms.iter().all(|room| room.is_quiet());
        let is_over = || {
            !board.is_anybody_entering() && !board.is_anybody_away() && has_measured() && is_quiet()
        };
        while Instant::now() < deadline && !is_over() {
            sleep(POLL).await;
        }
    }

    /// Counts missing arrivals as lost.
    pub(crate) fn give_up(&self, world: &World) {
        for room in &self.rooms {
            let is_cut_short = |since| world.is_cut_short(since);
            room.give_up(Instant::now(), &world.recorder, is_cut_short);
        }
    }

    /// Waits for all of them, who were told at `end` that the run is over.
    pub(crate) async fn finish(&mut self, world: &World, end: Instant) -> Sums {
        match &mut self.tasks {
            Tasks::Media(tasks) => finish_media(tasks, world, end).await,
            Tasks::Signaling(tasks) => finish_signaling(tasks, world, end).await,
        }
    }
}

async fn finish_media(
    tasks: &mut JoinSet<(usize, Option<Observations>)>,
    world: &World,
    end: Instant,
) -> Sums {
    let recorder = &world.recorder;
    let mut rooms: Vec<Vec<Observations>> = world.rooms.iter().map(|_| Vec::new()).collect();
    while let Some(finished) = tasks.join_next().await {
        match finished {
            Ok((room, Some(observations))) => rooms[room].push(observations),
            Ok((_, None)) => {}
            Err(error) => recorder.failed(format!("a participant's task ended: {error}")),
        }
    }
    let has_visitors = world.scenario.stay.is_some() || world.scenario.shape.is_some();
    let time_to_connect = match world.interrupt.is_interrupted() {
        true => Some(PATIENCE),
        false => has_visitors.then_some(SHORT_VISIT),
    };
    let stalls = world.scenario.impair_stall;
    let mut totals = Totals::new(recorder, kinds(world), time_to_connect, stalls, end);
    for (number, room) in rooms.iter_mut().enumerate() {
        totals.add_room(number, room);
    }
    let Totals { participants, connections, silent, quality, losses, .. } = totals;
    Sums { participants, connections, silent, quality, losses }
}

async fn finish_signaling(
    tasks: &mut JoinSet<SignalingVisit>,
    world: &World,
    end: Instant,
) -> Sums {
    let mut sums = Sums::default();
    while let Some(finished) = tasks.join_next().await {
        match finished {
            Ok(visit) => {
                sums.participants += u64::from(visit.entered);
                sums.connections += visit.connections;
                if let Some(until) = visit.until {
                    sums.losses.add_visit(&visit.losses, until, end);
                }
            }
            Err(error) => world.recorder.failed(format!("a participant's task ended: {error}")),
        }
    }
    sums
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
    if publishes {
        options = options.audio(media::audio(scenario));
    }
    match media::video(scenario) {
        Some(video) if publishes => options.video(video),
        _ => options,
    }
}

fn kinds(world: &World) -> &'static [MediaKind] {
    if world.scenario.has_video() {
        &[MediaKind::Audio, MediaKind::Video]
    } else {
        &[MediaKind::Audio]
    }
}

const POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn whoever_is_on_its_way_back_is_waited_for() {
        let visits = Visits { rooms: Vec::new(), tasks: Tasks::Signaling(JoinSet::new()) };
        let (board, hour) = (Board::new(0), Duration::from_secs(3600));
        board.goes_away();
        let draining = visits.drain(&board, Instant::now() + hour);
        assert!(timeout(POLL * 3, draining).await.is_err());
        board.comes_back();
        visits.drain(&board, Instant::now() + hour).await;
    }
}
