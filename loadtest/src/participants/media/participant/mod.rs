//! One participant: joins, receives what the others send, and records when things happen.

mod entry;

use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client_sdk::{
    Audience, ConnectionState, Event, Options, ParticipantId, RemoteTrack, SharePlace,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use self::entry::Entered;
use super::bad_network::BadNetwork;
use super::meter::Meter;
use super::observations::Observations;
use super::sampler::Sampler;
use super::source;
use crate::measure::latency_kind::Kind;
use crate::measure::loss::Lost;
use crate::measure::phase::{Phase, reached};
use crate::measure::recorder::{Fate, Step};
use crate::participants::deliveries::RoomDeliveries;
use crate::participants::numbered_text::{next_number, number_of, numbered};
use crate::participants::schedule::{Act, Schedule};
use crate::participants::world::World;
use crate::scenario::Visit;

/// Takes part in a room until its visit or the run ends; `None` if it did not enter.
pub(crate) async fn take_part(
    world: Arc<World>,
    room: Arc<RoomDeliveries>,
    visit: Visit,
    options: Options,
    mut phases: watch::Receiver<Phase>,
) -> Option<Observations> {
    let intended = world.begin + visit.arrive;
    tokio::select! {
        () = sleep_until(intended.into()) => {}
        // A tester that is late still has to start everything that was planned before the end.
        () = reached(Phase::End, &mut phases) => if Instant::now() < intended {
            return None;
        },
    }
    world.live.arrives();
    let entering = tokio::select! {
        entered = entry::enter(&world, &visit, options) => entered.map_err(|e| e.to_string()),
        () = reached(Phase::Over, &mut phases) => {
            if world.is_cut_short(intended) {
                world.live.cut_one_short();
                return None;
            }
            Err("the run ended before".into())
        }
    };
    match entering {
        Ok(entered) => Some(Participant::new(&world, &room, entered, &visit).stay(phases).await),
        Err(error) => {
            let now = Instant::now();
            world.recorder.unanswered(Kind::Arrival, intended, Fate::Refused, now);
            world.recorder.failed(format!("a participant could not enter: {error}"));
            world.live.failed();
            None
        }
    }
}

struct Participant<'a> {
    world: &'a World,
    room: &'a RoomDeliveries,
    me: client_sdk::Participant,
    network: Option<BadNetwork>,
    observations: Observations,
    /// Those of whom it does not hear that they arrive.
    known: HashSet<ParticipantId>,
    meters: Vec<Meter>,
    sampler: Sampler,
    /// Whether the tracks are measured, and whether the last statistics have been taken.
    is_measured: bool,
    is_sampled: bool,
    /// Since when it has no signaling socket.
    away_since: Option<Instant>,
    is_sharing: bool,
    schedule: Schedule,
    random: StdRng,
    /// One for each track, and for each message on its way to the server.
    tasks: JoinSet<()>,
}

impl<'a> Participant<'a> {
    fn new(world: &'a World, room: &'a RoomDeliveries, entered: Entered, visit: &Visit) -> Self {
        let now = Instant::now();
        let Entered { participant: me, network, since } = entered;
        let there: HashSet<_> = me.participants().into_iter().map(|other| other.id).collect();
        world.live.entered(visit.room);
        room.enters(me.id(), since, &Vec::from_iter(there.iter().copied()), &world.recorder);
        let mut random = StdRng::seed_from_u64(visit.seed);
        let left = visit.leave.map(|leave| world.begin + leave);
        Self {
            observations: Observations {
                intended: world.begin + visit.arrive,
                there: there.clone(),
                publishes: visit.publishes,
                left,
                ..Observations::new(me.id(), now)
            },
            world,
            room,
            network,
            known: there,
            meters: Vec::new(),
            sampler: Sampler::start(me.clone()),
            me,
            is_measured: false,
            is_sampled: false,
            away_since: None,
            is_sharing: false,
            schedule: Schedule::new(&world.scenario, left, world.end, now, &mut random),
            random,
            tasks: JoinSet::new(),
        }
    }

    async fn stay(mut self, mut phases: watch::Receiver<Phase>) -> Observations {
        loop {
            let phase = *phases.borrow_and_update();
            if phase == Phase::Over {
                break;
            }
            if phase == Phase::End {
                self.measure();
            }
            let next = self.schedule.next().filter(|_| phase < Phase::End);
            let at = next.map_or_else(|| Instant::now() + DAY, |(at, _)| at);
            tokio::select! {
                event = self.me.next_event() => match event {
                    Some(event) => self.observe(event),
                    None => break,
                },
                () = sleep_until(at.into()) => {
                    let Some((intended, act)) = next else { continue };
                    if act == Act::Leave {
                        self.room.leaves(self.me.id(), intended, &self.world.recorder);
                        break;
                    }
                    self.act(act, intended).await;
                }
                samples = self.sampler.samples(), if self.is_measured && !self.is_sampled => {
                    self.observations.stats = samples;
                    self.is_sampled = true;
                    self.world.live.measured();
                }
                Some(_) = self.tasks.join_next() => {}
                _ = phases.changed() => {}
            }
        }
        self.end().await
    }

    /// Ends the measurement, so that the last to leave do not see the connections of the others
    /// end.
    fn measure(&mut self) {
        if self.is_measured {
            return;
        }
        self.is_measured = true;
        self.observations.until = Instant::now();
        let until = self.observations.until;
        self.observations.tracks = self.meters.iter().map(|meter| meter.finish(until)).collect();
        self.sampler.stop();
    }

    async fn end(mut self) -> Observations {
        self.measure();
        let now = Instant::now();
        if let Some(since) = self.away_since {
            self.world.live.comes_back();
            self.world.recorder.unanswered(Kind::Resume, since, Fate::Lost, now);
            self.observations.losses.lose(Lost::Signaling, since);
        }
        if !self.is_sampled {
            self.observations.stats = self.sampler.samples().await;
        }
        self.me.leave().await;
        self.world.live.left();
        if let Some(network) = self.network {
            self.observations.stalls = network.stalls();
            self.world.recorder.impaired(network.figures());
        }
        while self.tasks.join_next().await.is_some() {}
        self.observations
    }

    async fn act(&mut self, act: Act, intended: Instant) {
        self.schedule.repeat(act, intended, &self.world.scenario, &mut self.random);
        match act {
            Act::Cut => {
                if self.away_since.is_none() {
                    self.away_since = Some(intended);
                    self.world.live.goes_away();
                    self.me.reconnect().await;
                }
            }
            // Its visit ends elsewhere.
            Act::Leave => {}
            Act::Message => self.say(intended),
            Act::Renegotiate => {
                let connected = self.observations.connected.keys();
                for other in connected.filter(|other| self.observations.there.contains(other)) {
                    self.me.restart_ice(*other).await;
                }
            }
            Act::Share if self.observations.publishes => self.toggle_screen().await,
            Act::Share => {}
        }
    }

    async fn toggle_screen(&mut self) {
        if self.is_sharing {
            self.me.stop_sharing().await;
            self.observations.end_screen(Instant::now());
        } else if let Err(error) = self.me.share(&source::screen(), SharePlace::BesideVideo).await {
            self.world.recorder.failed(format!("a screen could not be shared: {error}"));
            return;
        } else {
            self.observations.screens.push((Instant::now(), None));
        }
        self.is_sharing = !self.is_sharing;
    }

    /// Sends a message to the room.
    fn say(&mut self, intended: Instant) {
        let number = next_number();
        let text = numbered(number, self.world.scenario.message_bytes as usize);
        for other in self.room.others(self.me.id()) {
            self.room.sends(number, Kind::Message, other, intended, Instant::now());
        }
        let (me, recorder) = (self.me.clone(), Arc::clone(&self.world.recorder));
        self.tasks.spawn(async move {
            if let Err(error) = me.send_message(Audience::Room, TOPIC, &text).await {
                recorder.failed(format!("a message was not taken: {error}"));
            }
        });
    }

    fn observe(&mut self, event: Event) {
        let now = Instant::now();
        let Self { room, world, observations, .. } = self;
        let (me, recorder) = (self.me.id(), &world.recorder);
        match event {
            Event::ParticipantJoined(participant) => {
                observations.met.insert(participant.id, now);
                if !self.known.contains(&participant.id) {
                    room.hears_arrival(me, participant.id, now, recorder);
                }
            }
            Event::ParticipantLeft(id) => {
                let was_meant = room.hears_departure(me, id, now, recorder);
                if !was_meant {
                    observations.losses.lose(Lost::Participant(id), now);
                }
            }
            Event::Message { data, .. } => {
                if let Some(number) = number_of(&data) {
                    room.receives(number, me, now, recorder);
                }
            }
            Event::Reconnecting if self.away_since.is_none() => {
                self.away_since = Some(now);
                world.live.goes_away();
                observations.losses.lose(Lost::Signaling, now);
            }
            Event::Resumed { .. } => {
                if let Some(since) = self.away_since.take() {
                    world.live.comes_back();
                    let step = Step { intended: since, started: since, ended: now };
                    recorder.answered(Kind::Resume, step);
                }
                observations.losses.regain(&Lost::Signaling, now);
            }
            Event::Rejoined { id } => self.rejoined(id, now),
            Event::SignalingLost { .. } | Event::Closed(_) => {
                observations.losses.lose(Lost::Seat, now);
                room.loses(me, recorder);
            }
            Event::ConnectionState { participant, state: ConnectionState::Connected, .. } => {
                observations.failed.remove(&participant);
                observations.losses.regain(&Lost::Connection(participant), now);
                // The first time counts: a connection that comes back is no late one.
                if let Entry::Vacant(first) = observations.connected.entry(participant) {
                    first.insert(now);
                    world.live.connected();
                }
            }
            Event::ConnectionState { participant, state, failure } => {
                let is_negotiated_again = world.scenario.renegotiate_every.is_some();
                observations.disconnected(participant, state, failure, is_negotiated_again, now);
            }
            Event::Degraded { slot, reason } => {
                recorder.failed(format!("a source is not sent: {reason}"));
                observations.degraded.insert(slot.kind().into(), reason.to_string());
            }
            Event::ShareEnded { reason } => {
                recorder.failed(format!("a screen is not shared any more: {reason}"));
                self.is_sharing = false;
                observations.end_screen(now);
            }
            Event::Track(track) => self.receive(track),
            _ => {}
        }
    }

    /// It is in the room under another id: its seat is lost.
    fn rejoined(&mut self, id: ParticipantId, now: Instant) {
        let recorder = &self.world.recorder;
        let since = match self.away_since.take() {
            Some(since) => {
                self.world.live.comes_back();
                since
            }
            None => now,
        };
        recorder.unanswered(Kind::Resume, since, Fate::Refused, now);
        let Observations { ids, losses, .. } = &mut self.observations;
        losses.lose(Lost::Seat, since);
        losses.regain(&Lost::Seat, now);
        losses.regain(&Lost::Signaling, now);
        self.known = self.me.participants().into_iter().map(|other| other.id).collect();
        if let Some(before) = ids.last() {
            self.room.loses(*before, recorder);
        }
        ids.push(id);
        self.room.enters(id, now, &[], recorder);
    }

    fn receive(&mut self, track: RemoteTrack) {
        // Anything that begins after the end is not measured.
        if self.is_measured {
            return;
        }
        let meter = Meter::new(&track, Arc::clone(&self.world.recorder));
        self.meters.push(meter.clone());
        self.tasks.spawn(async move {
            let counting = meter.clone();
            let mut taking =
                pin!(track.for_each(move |packet, arrived| counting.take(&packet, arrived)));
            loop {
                tokio::select! {
                    () = &mut taking => break,
                    () = sleep(WATCH) => meter.watch(Instant::now()),
                }
            }
            meter.ended(Instant::now());
        });
    }
}

const TOPIC: &str = "load";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a track is looked at.
const WATCH: Duration = Duration::from_secs(1);
