//! One participant: it enters, negotiates with everybody, talks, and leaves, as its visit and the
//! scenario say.

mod resume;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use signal_core::ParticipantId;
use signal_core::message::{
    Addressee, Audience, ClientMessage, Payload, ServerMessage, Signal, SignalKind, Topic,
};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use super::connection::{Connection, Ended};
use super::entrance::{self, Entered, Progress};
use crate::measure::latency_kind::Kind;
use crate::measure::loss::{Losses, Lost};
use crate::measure::phase::{Phase, reached};
use crate::measure::recorder::{Fate, Step};
use crate::participants::deliveries::RoomDeliveries;
use crate::participants::numbered_text::{next_number, number_of, numbered};
use crate::participants::schedule::{Act, Schedule};
use crate::participants::world::{RoomAccess, World};
use crate::scenario::Visit;

/// The results of a participant's visit.
#[derive(Debug, Default)]
pub(crate) struct SignalingVisit {
    pub(crate) entered: bool,
    pub(crate) connections: u64,
    pub(crate) losses: Losses,
    /// When it left, or its seat was lost.
    pub(crate) until: Option<Instant>,
}

/// Takes part in a room until its visit or the run ends.
pub(crate) async fn take_part(
    world: Arc<World>,
    room: Arc<RoomDeliveries>,
    visit: Visit,
    mut phases: watch::Receiver<Phase>,
) -> SignalingVisit {
    let intended = world.begin + visit.arrive;
    tokio::select! {
        () = sleep_until(intended.into()) => {}
        // A tester that is late still has to start everything that was planned before the end.
        () = reached(Phase::End, &mut phases) => if Instant::now() < intended {
            return SignalingVisit::default();
        },
    }
    world.live.arrives();
    let give_up = |fate| {
        world.recorder.unanswered(Kind::Arrival, intended, fate, Instant::now());
        world.live.failed();
    };
    let Some(access) = &world.rooms[visit.room] else {
        world.recorder.failed("its room could not be created");
        give_up(Fate::Unsent);
        return SignalingVisit::default();
    };
    let mut progress = Progress::new(&world.recorder, intended);
    let entered = tokio::select! {
        entered = entrance::enter(&world, &visit, access, &mut progress) => Some(entered),
        () = reached(Phase::Over, &mut phases) => None,
    };
    let fate = match entered {
        Some(Ok(entered)) => {
            return Participant::new(&world, access, &room, entered, &visit).stay(phases).await;
        }
        Some(Err(error)) => {
            world.recorder.failed(format!("a participant could not enter: {error}"));
            Fate::Refused
        }
        None if world.is_cut_short(intended) => {
            world.live.cut_one_short();
            return SignalingVisit::default();
        }
        None => {
            world.recorder.failed("a participant had not entered when the run ended");
            Fate::Lost
        }
    };
    progress.give_up(fate, Instant::now());
    give_up(fate);
    SignalingVisit::default()
}

struct Participant<'a> {
    world: &'a World,
    access: &'a RoomAccess,
    room: &'a RoomDeliveries,
    connection: Connection,
    id: ParticipantId,
    resume_token: String,
    /// When it was to arrive.
    intended: Instant,
    leave: Option<Instant>,
    entered: Instant,
    /// Those who were there before and have not answered.
    awaited: HashSet<ParticipantId>,
    /// Those who came later: only the newer one of a pair offers, so that no offers collide.
    older: HashSet<ParticipantId>,
    connected: HashSet<ParticipantId>,
    negotiations: u32,
    losses: Losses,
    random: StdRng,
    schedule: Schedule,
}

impl<'a> Participant<'a> {
    fn new(
        world: &'a World,
        access: &'a RoomAccess,
        room: &'a RoomDeliveries,
        entered: Entered,
        visit: &Visit,
    ) -> Self {
        let now = Instant::now();
        let Entered { connection, id, there, resume_token, since } = entered;
        let mut random = StdRng::seed_from_u64(visit.seed);
        let leave = visit.leave.map(|leave| world.begin + leave);
        let schedule = Schedule::new(&world.scenario, leave, world.end, now, &mut random);
        world.live.entered(visit.room);
        room.enters(id, since, &there, &world.recorder);
        let mut participant = Self {
            world,
            access,
            room,
            connection,
            id,
            resume_token,
            intended: world.begin + visit.arrive,
            leave,
            entered: now,
            awaited: there.iter().copied().collect(),
            older: there.iter().copied().collect(),
            connected: HashSet::new(),
            negotiations: 0,
            losses: Losses::default(),
            random,
            schedule,
        };
        for other in there {
            participant.offer(other, now);
        }
        participant.arrives(now);
        participant
    }

    async fn stay(mut self, mut phases: watch::Receiver<Phase>) -> SignalingVisit {
        loop {
            let phase = *phases.borrow_and_update();
            if phase == Phase::Over {
                break;
            }
            let next = self.schedule.next().filter(|_| phase < Phase::End);
            let at = next.map_or_else(|| Instant::now() + DAY, |(at, _)| at);
            tokio::select! {
                message = self.connection.next() => match message {
                    Ok(message) => if !self.handle(message) {
                        self.losses.lose(Lost::Seat, Instant::now());
                        break;
                    },
                    Err(Ended) => {
                        let now = Instant::now();
                        self.losses.lose(Lost::Signaling, now);
                        if !self.come_back(now, &mut phases).await {
                            break;
                        }
                    }
                },
                () = sleep_until(at.into()) => {
                    let Some((intended, act)) = next else { continue };
                    let scenario = &self.world.scenario;
                    self.schedule.repeat(act, intended, scenario, &mut self.random);
                    match act {
                        Act::Cut => if !self.come_back(intended, &mut phases).await {
                            break;
                        },
                        Act::Leave => {
                            self.room.leaves(self.id, intended, &self.world.recorder);
                            break;
                        }
                        Act::Message => self.say(intended),
                        // A screen share is negotiated.
                        Act::Renegotiate | Act::Share => self.renegotiate(intended),
                    }
                }
                _ = phases.changed() => {}
            }
        }
        let until = Some(Instant::now());
        self.give_up();
        self.connection.send(&ClientMessage::Leave);
        let _ = timeout(FAREWELL, self.connection.close()).await;
        self.world.live.left();
        let connections = self.connected.len() as u64;
        SignalingVisit { entered: true, connections, losses: self.losses, until }
    }

    /// Counts those who have not answered, unless this one was there for so short a time that they
    /// need not have.
    fn give_up(&self) {
        let now = Instant::now();
        let is_short = self.leave.is_some_and(|leave| leave < self.intended + SHORT_VISIT);
        let awaited = self.awaited.iter().filter(|other| !self.room.has_left(**other)).count();
        if awaited == 0 || is_short || self.world.is_cut_short(self.entered) {
            return;
        }
        let recorder = &self.world.recorder;
        for _ in 0..awaited {
            recorder.unanswered(Kind::Connected, self.entered, Fate::Lost, now);
        }
        recorder.unanswered(Kind::Arrival, self.intended, Fate::Lost, now);
    }

    /// Handles a message; `false` if the room is over for this participant.
    fn handle(&mut self, message: ServerMessage) -> bool {
        let now = Instant::now();
        let recorder = &self.world.recorder;
        match message {
            ServerMessage::PeerJoined { participant } => {
                self.room.hears_arrival(self.id, participant.id, now, recorder);
            }
            ServerMessage::PeerLeft { participant_id: gone, .. } => {
                self.older.remove(&gone);
                if self.awaited.remove(&gone) {
                    self.arrives(now);
                }
                if !self.room.hears_departure(self.id, gone, now, recorder) {
                    self.losses.lose(Lost::Participant(gone), now);
                }
            }
            ServerMessage::Signal { from, signal } => {
                if let Some(number) = number_of(signal.payload.as_bytes()) {
                    self.room.receives(number, self.id, now, recorder);
                }
                match signal.kind {
                    SignalKind::Offer => self.answer(from, signal.negotiation, now),
                    SignalKind::Answer => self.is_answered(from, now),
                    SignalKind::Candidate => {}
                }
            }
            ServerMessage::Message { data, .. } => {
                if let Some(number) = number_of(data.as_bytes()) {
                    self.room.receives(number, self.id, now, recorder);
                }
            }
            // The addressee may have left a moment ago.
            ServerMessage::Error { about: Some(Addressee::Participant(id)), .. }
                if self.room.has_left(id) => {}
            ServerMessage::Error { code, .. } => {
                recorder.failed(format!("the server refused a message: {}", code.as_str()));
            }
            ServerMessage::Kicked { .. } | ServerMessage::RoomClosed { .. } => return false,
            _ => {}
        }
        true
    }

    fn offer(&mut self, to: ParticipantId, intended: Instant) {
        self.negotiations += 1;
        self.describe(to, SignalKind::Offer, Some(self.negotiations), intended);
    }

    fn answer(&mut self, to: ParticipantId, negotiation: Option<u32>, now: Instant) {
        self.describe(to, SignalKind::Answer, negotiation, now);
        if self.connected.insert(to) {
            self.world.live.connected();
        }
    }

    fn is_answered(&mut self, from: ParticipantId, now: Instant) {
        if !self.awaited.remove(&from) {
            return;
        }
        if self.connected.insert(from) {
            self.world.live.connected();
        }
        let (intended, ended) = (self.entered, now);
        self.world.recorder.answered(Kind::Connected, Step { intended, started: intended, ended });
        self.arrives(now);
    }

    /// Records the arrival when nobody is awaited any more.
    fn arrives(&self, now: Instant) {
        if self.awaited.is_empty() {
            let step = Step { intended: self.intended, started: self.intended, ended: now };
            self.world.recorder.answered(Kind::Arrival, step);
        }
    }

    /// Sends a description and the candidates that belong to it.
    fn describe(
        &mut self,
        to: ParticipantId,
        kind: SignalKind,
        negotiation: Option<u32>,
        intended: Instant,
    ) {
        let scenario = &self.world.scenario;
        let measured = if kind == SignalKind::Offer { Kind::Offer } else { Kind::Answer };
        let description = scenario.description_bytes;
        self.signal(to, kind, measured, description, negotiation, intended);
        let counts = scenario.candidates;
        for _ in 0..self.random.random_range(counts.least..=counts.most) {
            let bytes = scenario.candidate_bytes;
            let kind = SignalKind::Candidate;
            self.signal(to, kind, Kind::Candidate, bytes, negotiation, intended);
        }
    }

    fn signal(
        &mut self,
        to: ParticipantId,
        kind: SignalKind,
        measured: Kind,
        bytes: u32,
        negotiation: Option<u32>,
        intended: Instant,
    ) {
        let number = next_number();
        let text = numbered(number, bytes as usize);
        let payload = match kind {
            SignalKind::Candidate => Payload::new(&serde_json::json!({"candidate": text})),
            SignalKind::Answer | SignalKind::Offer => Payload::new(&text),
        };
        let payload = payload.expect("texts have a JSON form");
        self.room.sends(number, measured, to, intended, Instant::now());
        let signal = Signal { kind, payload, negotiation, tracks: None };
        self.connection.send(&ClientMessage::Signal { to, signal });
    }

    /// Sends a message to the room.
    fn say(&mut self, intended: Instant) {
        let number = next_number();
        let text = numbered(number, self.world.scenario.message_bytes as usize);
        for other in self.room.others(self.id) {
            self.room.sends(number, Kind::Message, other, intended, Instant::now());
        }
        let topic = Topic::new("load").expect("it is short");
        let data = Payload::new(&text).expect("texts have a JSON form");
        self.connection.send(&ClientMessage::Message { to: Audience::Room, topic, data });
    }

    fn renegotiate(&mut self, intended: Instant) {
        for other in self.older.clone() {
            self.offer(other, intended);
        }
    }
}

/// A participant that leaves within this time need not have connected.
const SHORT_VISIT: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const FAREWELL: Duration = Duration::from_secs(2);
