//! Observes every input and output of the hubs, and checks it against the rules.

mod nodes;
mod sockets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use signal_core::config::HubConfig;
use signal_core::hub::{Disconnect, Input, NodeBody, NodeFrame, NodeId, NodeReceiver};
use signal_core::message::{RequestId, SignalKind};
use signal_core::room::{LeaveKind, Op, Room, Status, Ticket};
use signal_core::{ConnId, ErrorCode, ParticipantId, ProtocolVersion, RoomId, Timestamp};

use self::nodes::number_of;
use self::sockets::{Conn, Phase};
use super::referee::Referee;
use super::session::Session;
use crate::ledger::{Fate, Kind, Ledger, Taken};

pub struct Witness {
    config: HubConfig,
    /// The newest record that each node has seen of the rooms it watches.
    records: BTreeMap<(NodeId, RoomId), Option<Arc<Room>>>,
    sessions: BTreeMap<(NodeId, RoomId, ParticipantId), Session>,
    conns: BTreeMap<ConnId, Conn>,
    referee: Referee,
    /// Messages that came to the node that judges them before the record they go by did.
    early: Vec<(NodeId, NodeFrame)>,
    /// Whose seat each resume token was given for.
    tokens: BTreeMap<String, ParticipantId>,
    /// How often senders were told that something of theirs was refused, without it being clear
    /// what: by sender and by whom it was for, as far as that is known.
    refusals: BTreeMap<(ParticipantId, Option<ParticipantId>), usize>,
    unreachable: BTreeSet<ParticipantId>,
    /// The messages of the host's that it was told about, and who does not get them.
    host_refusals: BTreeSet<(u64, Option<ParticipantId>)>,
    /// Tickets that somebody has used who does not keep to the protocol.
    abused: BTreeSet<(RoomId, Ticket)>,
    step: Step,
    is_blind: bool,
}

/// The effects of one input so far.
#[derive(Default)]
struct Step {
    cause: Cause,
    arrivals: Vec<u64>,
    ending: Vec<ConnId>,
    /// Those whose early frames are being taken.
    welcomed: Vec<ConnId>,
    has_changed: bool,
}

/// The message that the present step is about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Cause {
    Frame(ConnId, Option<u64>),
    /// The host has said it.
    Host,
    #[default]
    Other,
    /// It came from another node.
    Peer(u64),
    /// The refusal of a message that was for that participant.
    Refusal(ParticipantId),
    /// That message could not be handed to another node.
    Undelivered(Option<u64>),
}

impl Witness {
    pub fn new(config: HubConfig) -> Self {
        Self {
            referee: Referee::new(config.offer_patience),
            config,
            records: BTreeMap::new(),
            sessions: BTreeMap::new(),
            conns: BTreeMap::new(),
            early: Vec::new(),
            tokens: BTreeMap::new(),
            refusals: BTreeMap::new(),
            unreachable: BTreeSet::new(),
            host_refusals: BTreeSet::new(),
            abused: BTreeSet::new(),
            step: Step::default(),
            is_blind: false,
        }
    }

    /// The store has lost data: from now on nodes may disagree, and the only promise is that they
    /// go on.
    pub fn look_away(&mut self) {
        self.is_blind = true;
    }

    pub fn opened(
        &mut self,
        conn: ConnId,
        node: NodeId,
        room: RoomId,
        protocol: ProtocolVersion,
        is_honest: bool,
        resumes: Option<(String, u64)>,
    ) {
        let conn_state = Conn {
            node,
            room,
            protocol: if resumes.is_some() { ProtocolVersion::V2 } else { protocol },
            is_honest,
            resumes,
            phase: Phase::Entering,
            held: Vec::new(),
            unsent: 0,
            taken_at: Timestamp::default(),
            keeps_seat: None,
        };
        self.conns.insert(conn, conn_state);
    }

    /// An input is about to be handed in; `number` is that of the frame in it.
    pub fn before(
        &mut self,
        node: NodeId,
        input: &Input,
        number: Option<u64>,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        if self.is_blind {
            return;
        }
        self.step = Step::default();
        match input {
            Input::Frame { conn, .. } => {
                self.step.cause = Cause::Frame(*conn, number);
                let Some(state) = self.conns.get_mut(conn) else { return };
                let room = state.room;
                match state.phase {
                    Phase::Entering => state.held.push(number),
                    Phase::Seated(id) => self.take(node, room, id, number, ledger),
                    Phase::Ending | Phase::Over => {}
                }
            }
            Input::Lost { conn, how } => self.lost(*conn, *how == Disconnect::Abrupt, now),
            Input::FromNode { frame, .. } => {
                match (&frame.body, frame.from.seat(), frame.to.seat()) {
                    (NodeBody::Refused { code, kind }, Some(from), Some(to)) => {
                        self.step.cause = Cause::Refusal(from.id);
                        let is_offer = *kind == Some(SignalKind::Offer);
                        let is_withdrawn = is_offer && *code != ErrorCode::OfferConflict;
                        if is_withdrawn && !self.is_void(node, frame) {
                            self.referee.withdrawn(node, frame.room, to.id, from.id);
                        }
                    }
                    (NodeBody::Signal(_), Some(from), Some(to)) if from.id > to.id => {
                        self.arrived_from_node(node, frame, ledger);
                    }
                    (_, None, _) => self.step.cause = Cause::Host,
                    _ => {}
                }
            }
            Input::HostMessage { .. } => self.step.cause = Cause::Host,
            // Where the way back is broken too, its sender cannot be told.
            Input::Undelivered {
                frame: NodeFrame { body: NodeBody::Refused { .. }, from, to, req, .. },
            } => match (from.seat(), to) {
                (from, NodeReceiver::Host) => {
                    self.host_was_refused(req.as_ref(), from.map(|from| from.id));
                }
                (Some(from), NodeReceiver::Seat(to)) => {
                    self.count_refusal(to.id, Some(from.id).filter(|from| *from != to.id));
                }
                (None, NodeReceiver::Seat(_)) | (_, NodeReceiver::Room) => {}
            },
            Input::Undelivered { frame } => {
                let number = number_of(frame, ledger);
                let Some(from) = frame.from.seat() else {
                    self.step.cause = Cause::Host;
                    return;
                };
                self.step.cause = Cause::Undelivered(number);
                let offer = number.filter(|number| ledger.entry(*number).kind == Kind::Offer);
                let offer = offer.filter(|_| !self.is_void(node, frame));
                if let (Some(_), Some(to)) = (offer, frame.to.seat()) {
                    self.referee.withdrawn(node, frame.room, from.id, to.id);
                }
            }
            Input::Sent { conn, bytes } => {
                if let Some(state) = self.conns.get_mut(conn) {
                    state.unsent = state.unsent.saturating_sub(*bytes);
                    state.taken_at = now;
                }
            }
            Input::Committed { applied, .. } => {
                if let Some(record) = &applied.record {
                    self.saw(node, record, ledger, now);
                }
            }
            Input::Record(record) => self.saw(node, record, ledger, now),
            _ => {}
        }
    }

    /// The store's answer to a commit, handed in while the outputs of the step are taken out.
    pub fn saw(&mut self, node: NodeId, record: &Arc<Room>, ledger: &mut Ledger, now: Timestamp) {
        if self.is_blind {
            return;
        }
        let room = record.id();
        let Some(known) = self.records.get_mut(&(node, room)) else { return };
        if known.as_ref().is_some_and(|known| known.version() >= record.version()) {
            return;
        }
        let before = known.replace(Arc::clone(record));
        self.step.has_changed = true;
        for seat in before.iter().flat_map(|before| before.seats()) {
            if record.seat(seat.id).is_none_or(|after| after.generation != seat.generation) {
                self.referee.free(node, room, seat.id);
            }
        }
        self.sessions.retain(|(of, at, id), session| {
            let seat = record.seat(*id);
            let is_kept = seat.is_some_and(|seat| {
                seat.generation == session.generation && seat.attachment.node == node
            });
            (*of, *at) != (node, room) || session.conn.is_some() || is_kept
        });
        self.turn_to_early(node, room, ledger, now);
    }

    /// A message of a seated participant is about to be taken.
    fn take(
        &mut self,
        node: NodeId,
        room: RoomId,
        id: ParticipantId,
        number: Option<u64>,
        ledger: &mut Ledger,
    ) {
        let record = self.record(node, room).cloned();
        let Some(session) = self.sessions.get_mut(&(node, room, id)) else { return };
        session.taken += 1;
        let (Some(number), Some(record)) = (number, record) else { return };
        let entry = ledger.entry_mut(number);
        // Whoever has stolen a seat speaks for it, whatever it takes itself for.
        assert!(
            !entry.is_honest || entry.from == id,
            "{:?} sits on the seat of {id:?}",
            entry.from
        );
        entry.from = id;
        let may_send = record.seat(id).is_some_and(|seat| seat.permissions.message);
        if entry.kind == Kind::Message && !may_send {
            entry.fate = Fate::Forbidden;
        }
        let addressed = record.seats().iter().filter(|seat| match entry.to {
            Some(to) => seat.id == to,
            None => seat.id != id && seat.protocol == ProtocolVersion::V2,
        });
        let to = addressed.map(|seat| (seat.id, seat.generation)).collect();
        entry.taken = Some(Taken { from: session.generation, to });
        let is_here = entry
            .to
            .and_then(|to| record.seat(to))
            .is_some_and(|seat| seat.attachment.node == node);
        let is_judged_here = is_here || entry.to.is_some_and(|to| id < to);
        if entry.kind != Kind::Message && entry.to != Some(id) && is_judged_here {
            self.arrived(node, number, ledger);
        }
    }

    fn record(&self, node: NodeId, room: RoomId) -> Option<&Arc<Room>> {
        self.records.get(&(node, room))?.as_ref()
    }

    fn arrived(&mut self, node: NodeId, number: u64, ledger: &Ledger) {
        self.referee.arrived(node, number, ledger);
        self.step.arrivals.push(number);
    }

    pub fn committed(&mut self, node: NodeId, op: &Op) {
        if self.is_blind {
            return;
        }
        let (Op::Attach { attachment, .. }
        | Op::Detach { attachment, .. }
        | Op::Leave { attachment, .. }
        | Op::Moderate { attachment, .. }
        | Op::Resume { attachment, .. }
        | Op::Update { attachment, .. }) = op
        else {
            return;
        };
        assert_eq!(attachment.node, node, "an operation in the name of another node");
        let Some(state) = self.conns.get_mut(&attachment.conn) else { return };
        match (op, state.keeps_seat) {
            (Op::Leave { how: LeaveKind::Leave, .. }, None) => {
                let Phase::Seated(id) = std::mem::replace(&mut state.phase, Phase::Ending) else {
                    return;
                };
                self.sessions.remove(&(node, state.room, id));
            }
            (Op::Leave { .. }, keeps) => {
                assert_eq!(keeps.flatten(), None, "{attachment:?} was only cut");
            }
            (Op::Detach { until, .. }, Some(Some(keeps))) => {
                assert_eq!(*until, keeps, "the grace of {attachment:?}");
            }
            _ => {}
        }
    }

    pub fn watched(&mut self, node: NodeId, room: RoomId) {
        if self.is_blind {
            return;
        }
        self.records.insert((node, room), None);
    }

    pub fn unwatched(&mut self, node: NodeId, room: RoomId) {
        if self.is_blind {
            return;
        }
        let before = self.records.remove(&(node, room));
        assert!(before.is_some(), "{room:?} was not watched");
        self.early.retain(|(at, frame)| (*at, frame.room) != (node, room));
        self.sessions.retain(|(of, at, id), session| {
            let is_of_it = (*of, *at) == (node, room);
            assert!(!is_of_it || session.conn.is_none(), "{id:?} is still here");
            !is_of_it
        });
        self.referee.forget(node, Some(room));
    }

    pub fn watches(&self, node: NodeId, room: RoomId) -> bool {
        self.records.contains_key(&(node, room))
    }

    /// Every output of the step has been taken out.
    pub fn after(&mut self, node: NodeId, ledger: &mut Ledger, now: Timestamp) {
        if self.is_blind {
            return;
        }
        let step = std::mem::take(&mut self.step);
        for number in step.arrivals {
            let entry = ledger.entry(number);
            let Some(to) = entry.to else { continue };
            let record = self.record(node, entry.room);
            let is_elsewhere = record
                .and_then(|record| record.seat(to))
                .is_some_and(|seat| seat.attachment.node != node);
            let session = self.sessions.get(&(node, entry.room, to));
            // What is for somebody who is still entering is held back, and what comes after
            // something that goes by a later record.
            let is_behind = self.early.iter().any(|(at, frame)| {
                let from = frame.from.seat().map(|from| from.id);
                (*at, frame.room, from) == (node, entry.room, Some(entry.from))
            });
            if !is_behind && (is_elsewhere || session.is_some()) {
                let has_replay = session.is_some_and(|session| session.conn.is_none());
                self.referee.unseen(node, number, has_replay, ledger, now);
            }
        }
        let sessions = &self.sessions;
        self.referee.step_ended(ledger, |entry| {
            let session = entry.to.and_then(|to| sessions.get(&(node, entry.room, to)));
            session.is_some_and(|session| session.conn.is_some())
        });
        for conn in step.ending {
            let phase = self.conns.get(&conn).map(|state| state.phase);
            assert_eq!(phase, Some(Phase::Over), "{conn:?} was not closed after its last message");
        }
        if !step.has_changed {
            return;
        }
        for ((of, room, id), session) in &self.sessions {
            let Some(record) = self.record(*of, *room) else { continue };
            if *of == node && session.conn.is_some() {
                assert!(
                    record.status() == Status::Open,
                    "{id:?} was not told that the room is over"
                );
                session.compare(record);
            }
        }
    }

    /// The process has died.
    pub fn crashed(&mut self, node: NodeId) {
        if self.is_blind {
            return;
        }
        self.records.retain(|(of, _), _| *of != node);
        self.early.retain(|(at, _)| *at != node);
        self.sessions.retain(|(of, ..), _| *of != node);
        self.referee.forget(node, None);
        for state in self.conns.values_mut().filter(|state| state.node == node) {
            state.phase = Phase::Over;
        }
    }

    /// Nothing more is on its way: whatever was sent has arrived, or its sender knows that it has
    /// not.
    pub fn rest(&mut self, room: &Room, ledger: &mut Ledger, now: Timestamp) {
        self.referee.rest(ledger, now);
        let generation =
            |id| room.seat(id).filter(|seat| seat.is_attached()).map(|seat| seat.generation);
        let mut silent: BTreeMap<(ParticipantId, ParticipantId), Vec<u64>> = BTreeMap::new();
        for (number, entry) in ledger.iter() {
            let Some(taken) = &entry.taken else { continue };
            let is_settled =
                entry.room != room.id() || entry.fate != Fate::Sent || !entry.is_honest;
            // What was refused or dropped of somebody over its rate is not known.
            let is_settled = is_settled || self.referee.has_given_up(entry.from);
            let has_moved = || generation(entry.from) != Some(taken.from);
            if is_settled || (entry.via.is_none() && has_moved()) {
                continue;
            }
            let nobody = entry.to.filter(|_| taken.to.is_empty());
            let missed = taken
                .to
                .iter()
                .filter(|(to, then)| generation(*to) == Some(*then))
                .map(|(to, _)| *to);
            let missed = missed.chain(nobody).filter(|to| !entry.heard.contains(to));
            let missed = missed.filter(|to| !self.referee.has_given_up(*to));
            for to in missed.filter(|to| entry.via.is_none() || !self.host_knows(number, *to)) {
                silent.entry((entry.from, to)).or_default().push(number);
            }
        }
        for ((from, to), numbers) in silent {
            let told = |about| self.refusals.get(&(from, about)).copied().unwrap_or_default();
            let excused = told(Some(to)) + told(None);
            assert!(
                numbers.len() <= excused,
                "{numbers:?} from {from:?} to {to:?} got lost, {excused} were told"
            );
        }
    }

    /// The host is told that a message of its own does not arrive.
    pub fn host_was_refused(
        &mut self,
        req: Option<&RequestId>,
        participant: Option<ParticipantId>,
    ) {
        let req = req.expect("each message of the host's has an id");
        self.host_refusals.insert((req.as_str().parse().unwrap(), participant));
    }

    /// Whether the host knows that a participant does not get a message.
    fn host_knows(&self, number: u64, to: ParticipantId) -> bool {
        [Some(to), None].iter().any(|told| self.host_refusals.contains(&(number, *told)))
    }

    /// Whether a participant has been told that somebody could not be reached, so that it may be
    /// short of a message.
    pub fn was_cut_short(&self, id: ParticipantId) -> bool {
        self.unreachable.contains(&id)
    }

    /// Every resume token that was ever given out.
    pub fn tokens(&self) -> Vec<&str> {
        self.tokens.keys().map(String::as_str).collect()
    }

    pub fn has_sessions(&self) -> bool {
        !self.sessions.is_empty() || !self.records.is_empty()
    }
}
