//! The participants of a run, at either depth.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use client_sdk::{MediaKind, Options};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{sleep, sleep_until};

use crate::measure::live_counts::LiveCounts;
use crate::measure::loss::AllLosses;
use crate::measure::phase::{Phase, reached};
use crate::participants::deliveries::RoomDeliveries;
use crate::participants::media::{self, Observations, Quality, SHORT_VISIT, Totals};
use crate::participants::signaling::{self, SignalingVisit};
use crate::participants::world::{PATIENCE, World};
use crate::scenario::{Depth, Plan, Visit};

/// The participants of a run.
pub(crate) struct Visits {
    rooms: Vec<Arc<RoomDeliveries>>,
    task: Task,
}

/// Gives what all visits came to, once the last one is over.
enum Task {
    /// With the number of the room.
    Media(JoinHandle<Vec<(usize, Option<Observations>)>>),
    Signaling(JoinHandle<Vec<SignalingVisit>>),
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
        let rooms: Vec<Arc<RoomDeliveries>> = plan.rooms.iter().map(|_| Arc::default()).collect();
        let (world, phases, of_visits) = (Arc::clone(world), phases.clone(), rooms.clone());
        let visits = plan.visits.clone();
        let (begin, of_tasks) = (world.begin, phases.clone());
        let failed = {
            let recorder = Arc::clone(&world.recorder);
            move |error: JoinError| {
                recorder.failed(format!("a participant's task ended: {error}"));
            }
        };
        let task = match world.scenario.depth {
            Depth::Media => {
                let take_part = move |visit: Visit| {
                    let (number, options) = (visit.room, options(&world, visit.publishes));
                    let (world, room) = (Arc::clone(&world), Arc::clone(&of_visits[number]));
                    let part = media::take_part(world, room, visit, options, of_tasks.clone());
                    async move { (number, part.await) }
                };
                Task::Media(tokio::spawn(arrive(visits, begin, phases, take_part, failed)))
            }
            Depth::Signaling => {
                let take_part = move |visit: Visit| {
                    let (world, room) = (Arc::clone(&world), Arc::clone(&of_visits[visit.room]));
                    signaling::take_part(world, room, visit, of_tasks.clone())
                };
                Task::Signaling(tokio::spawn(arrive(visits, begin, phases, take_part, failed)))
            }
        };
        Self { rooms, task }
    }

    /// Waits for pending messages.
    pub(crate) async fn drain(&self, live: &LiveCounts, deadline: Instant) {
        let has_measured = || match self.task {
            Task::Media(_) => live.has_everybody_measured(),
            Task::Signaling(_) => true,
        };
        let is_quiet = || self.rooms.iter().all(|room| room.is_quiet());
        let is_over = || {
            !live.is_anybody_entering() && !live.is_anybody_away() && has_measured() && is_quiet()
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
    pub(crate) async fn finish(self, world: &World, end: Instant) -> Sums {
        let failed = |error: JoinError| {
            world.recorder.failed(format!("the participants' task ended: {error}"));
        };
        match self.task {
            Task::Media(task) => {
                add_media(task.await.map_err(failed).unwrap_or_default(), world, end)
            }
            Task::Signaling(task) => {
                add_signaling(task.await.map_err(failed).unwrap_or_default(), end)
            }
        }
    }
}

/// Starts a task for each visit shortly before it arrives, so that later ones take no memory, and
/// returns what they come to. Visits that arrive after the end of the run do not take place.
async fn arrive<T, F>(
    visits: Vec<Visit>,
    begin: Instant,
    mut phases: watch::Receiver<Phase>,
    take_part: impl Fn(Visit) -> F,
    failed: impl Fn(JoinError),
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (mut tasks, mut results) = (JoinSet::new(), Vec::new());
    let mut coming = visits.into_iter().peekable();
    let mut has_ended = false;
    loop {
        let soon = Instant::now() + AHEAD;
        while let Some(visit) = coming.next_if(|visit| begin + visit.arrive <= soon) {
            tasks.spawn(take_part(visit));
        }
        let next = coming.peek().map(|visit| begin + visit.arrive.saturating_sub(AHEAD));
        tokio::select! {
            Some(finished) = tasks.join_next() => match finished {
                Ok(result) => results.push(result),
                Err(error) => failed(error),
            },
            () = sleep_until(next.unwrap_or(begin).into()), if next.is_some() => {}
            () = reached(Phase::End, &mut phases), if !has_ended => {
                has_ended = true;
                let now = Instant::now();
                // A tester that is late still has to start those who were to arrive before.
                for visit in coming.by_ref().take_while(|visit| begin + visit.arrive <= now) {
                    tasks.spawn(take_part(visit));
                }
                coming.by_ref().for_each(drop);
            }
            else => return results,
        }
    }
}

fn add_media(visits: Vec<(usize, Option<Observations>)>, world: &World, end: Instant) -> Sums {
    let recorder = &world.recorder;
    let mut rooms: Vec<Vec<Observations>> = world.rooms.iter().map(|_| Vec::new()).collect();
    for (room, observations) in visits {
        rooms[room].extend(observations);
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

fn add_signaling(visits: Vec<SignalingVisit>, end: Instant) -> Sums {
    let mut sums = Sums::default();
    for visit in visits {
        sums.participants += u64::from(visit.entered);
        sums.connections += visit.connections;
        if let Some(until) = visit.until {
            sums.losses.add_visit(&visit.losses, until, end);
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
/// A task has to wait for its arrival, so that it arrives in time.
const AHEAD: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn whoever_is_on_its_way_back_is_waited_for() {
        let task = Task::Signaling(tokio::spawn(async { Vec::new() }));
        let visits = Visits { rooms: Vec::new(), task };
        let (live, hour) = (LiveCounts::new(0), Duration::from_secs(3600));
        live.goes_away();
        let draining = visits.drain(&live, Instant::now() + hour);
        assert!(timeout(POLL * 3, draining).await.is_err());
        live.comes_back();
        visits.drain(&live, Instant::now() + hour).await;
    }

    #[tokio::test]
    async fn a_visit_takes_no_task_before_it_is_about_to_arrive() {
        let hour = Duration::from_secs(3600);
        let visits = [Duration::ZERO, AHEAD / 2, hour, 2 * hour].map(|arrive| Visit {
            room: 0,
            seat: 0,
            is_creator: false,
            publishes: false,
            arrive,
            leave: None,
            seed: 0,
        });
        let started = AtomicUsize::new(0);
        let take_part = |visit: Visit| {
            started.fetch_add(1, Ordering::Relaxed);
            async move { visit.arrive }
        };
        let (phase, phases) = watch::channel(Phase::Ramp);
        let now = Instant::now();
        let arriving = arrive(visits.to_vec(), now, phases, take_part, |error| panic!("{error}"));
        let mut arriving = pin!(arriving);
        assert!(timeout(POLL * 3, &mut arriving).await.is_err());
        assert_eq!(started.load(Ordering::Relaxed), 2);
        phase.send_replace(Phase::End);
        let mut arrived = arriving.await;
        arrived.sort();
        assert_eq!(arrived, [Duration::ZERO, AHEAD / 2]);
    }
}
