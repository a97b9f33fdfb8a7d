//! Sees everything that goes into the hubs and comes out of them, and holds it against the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use signal_core::{
    Address, CloseCode, ConnId, Dialect, ErrorCode, Farewell, HubConfig, Input, Loss, NodeId, Op,
    ParticipantId, PeerBody, PeerFrame, Room, RoomId, SignalKind, Status, Timestamp,
};

use super::referee::Referee;
use super::session::{Novelty, Session};
use crate::frame::Told;
use crate::ledger::{Fate, Kind, Ledger, Taken};

pub struct Witness {
    config: HubConfig,
    /// The newest record that each node has seen of the rooms it watches.
    records: BTreeMap<(NodeId, RoomId), Option<Arc<Room>>>,
    sessions: BTreeMap<(NodeId, RoomId, ParticipantId), Session>,
    conns: BTreeMap<ConnId, Conn>,
    referee: Referee,
    /// Messages that came to the node that judges them before the record they go by did.
    early: Vec<(NodeId, PeerFrame)>,
    /// Whose seat each resume token was given for.
    tokens: BTreeMap<String, ParticipantId>,
    /// How often senders were told that something of theirs was refused, without it being clear what: by sender and
    /// by whom it was for, as far as that is known.
    refusals: BTreeMap<(ParticipantId, Option<ParticipantId>), usize>,
    unreachable: BTreeSet<ParticipantId>,
    step: Step,
    is_blind: bool,
}

/// A socket, as the hubs know it.
struct Conn {
    node: NodeId,
    room: RoomId,
    dialect: Dialect,
    is_honest: bool,
    /// The resume token that it came with, and how far its participant had got.
    resumes: Option<(String, u64)>,
    phase: Phase,
    /// What it has sent before it had a seat.
    held: Vec<Option<u64>>,
    unsent: usize,
    /// Until when its seat has to be kept now that it is gone; `Some(None)` if not at all.
    keeps_seat: Option<Option<Timestamp>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// It has been told nothing yet.
    Entering,
    /// It has been told something after which it has to be closed.
    Ending,
    Over,
    Seated(ParticipantId),
}

/// What one input has brought about so far.
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
            step: Step::default(),
            is_blind: false,
        }
    }

    /// The store has forgotten something: from here on nodes may know different things, and nothing is promised but
    /// that they go on.
    pub fn look_away(&mut self) {
        self.is_blind = true;
    }

    pub fn opened(
        &mut self,
        conn: ConnId,
        node: NodeId,
        room: RoomId,
        dialect: Dialect,
        is_honest: bool,
        resumes: Option<(String, u64)>,
    ) {
        let conn_state = Conn {
            node,
            room,
            dialect: if resumes.is_some() { Dialect::V2 } else { dialect },
            is_honest,
            resumes,
            phase: Phase::Entering,
            held: Vec::new(),
            unsent: 0,
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
            Input::Lost { conn, how } => self.lost(*conn, *how == Loss::Cut, now),
            Input::Peer { frame, .. } => match (&frame.body, frame.to) {
                (PeerBody::Refused { code, kind }, Some(to)) => {
                    self.step.cause = Cause::Refusal(frame.from.id);
                    let is_offer = *kind == Some(SignalKind::Offer);
                    if is_offer && *code != ErrorCode::OfferConflict {
                        self.referee.withdrawn(node, frame.room, to.id, frame.from.id);
                    }
                }
                (PeerBody::Signal(_), Some(to)) if frame.from.id > to.id => {
                    self.arrived_from_node(node, frame, ledger);
                }
                _ => {}
            },
            // Where the way back is broken too, its sender cannot be told.
            Input::Undelivered {
                frame: PeerFrame { body: PeerBody::Refused { .. }, from, to: Some(to), .. },
            } => {
                self.count_refusal(to.id, Some(from.id).filter(|from| *from != to.id));
            }
            Input::Undelivered { frame } => {
                let number = number_of(frame, ledger);
                self.step.cause = Cause::Undelivered(number);
                let offer = number.filter(|number| ledger.entry(*number).kind == Kind::Offer);
                if let (Some(_), Some(to)) = (offer, frame.to) {
                    self.referee.withdrawn(node, frame.room, frame.from.id, to.id);
                }
            }
            Input::Sent { conn, bytes } => {
                if let Some(state) = self.conns.get_mut(conn) {
                    state.unsent = state.unsent.saturating_sub(*bytes);
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
            let is_kept =
                seat.is_some_and(|seat| seat.generation == session.generation && seat.link.node == node);
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
        assert!(!entry.is_honest || entry.from == id, "{:?} sits on the seat of {id:?}", entry.from);
        entry.from = id;
        let addressed = record.seats().iter().filter(|seat| match entry.to {
            Some(to) => seat.id == to,
            None => seat.id != id && seat.dialect == Dialect::V2,
        });
        let to = addressed.map(|seat| (seat.id, seat.generation)).collect();
        entry.taken = Some(Taken { from: session.generation, to });
        let is_here = entry.to.and_then(|to| record.seat(to)).is_some_and(|seat| seat.link.node == node);
        let is_judged_here = is_here || entry.to.is_some_and(|to| id < to);
        if entry.kind != Kind::Message && entry.to != Some(id) && is_judged_here {
            self.arrived(node, number, ledger);
        }
    }

    /// A message has come from another node to the one that judges its pair.
    fn arrived_from_node(&mut self, node: NodeId, frame: &PeerFrame, ledger: &Ledger) {
        let Some(number) = number_of(frame, ledger) else { return };
        self.step.cause = Cause::Peer(number);
        let version = self.record(node, frame.room).map(|record| record.version());
        if version < Some(frame.version) {
            self.early.push((node, frame.clone()));
        } else if !self.is_void(node, frame) {
            self.arrived(node, number, ledger);
        }
    }

    /// Messages that have waited for a record are looked into now that it has come.
    fn turn_to_early(&mut self, node: NodeId, room: RoomId, ledger: &mut Ledger, now: Timestamp) {
        let version = self.record(node, room).map(|record| record.version());
        let is_due = |(at, frame): &(NodeId, PeerFrame)| {
            *at == node && frame.room == room && Some(frame.version) <= version
        };
        let (due, early): (Vec<_>, Vec<_>) = std::mem::take(&mut self.early).into_iter().partition(is_due);
        self.early = early;
        for (_, frame) in due {
            if self.is_void(node, &frame) {
                continue;
            }
            let (Some(number), Some(to)) = (number_of(&frame, ledger), frame.to) else { continue };
            match self.sessions.get(&(node, room, to.id)) {
                Some(session) => {
                    self.referee.looked_into(node, number, session.conn.is_none(), ledger, now);
                }
                None => self.referee.arrived(node, number, ledger),
            }
        }
    }

    /// Whether a frame is from or for a seat that has lost messages since.
    fn is_void(&self, node: NodeId, frame: &PeerFrame) -> bool {
        let record = self.record(node, frame.room);
        let is_void = |address: &Address| {
            let seat = record.and_then(|record| record.seat(address.id));
            seat.is_none_or(|seat| seat.generation != address.generation)
        };
        is_void(&frame.from) || frame.to.as_ref().is_some_and(is_void)
    }

    fn record(&self, node: NodeId, room: RoomId) -> Option<&Arc<Room>> {
        self.records.get(&(node, room))?.as_ref()
    }

    fn arrived(&mut self, node: NodeId, number: u64, ledger: &Ledger) {
        self.referee.arrived(node, number, ledger);
        self.step.arrivals.push(number);
    }

    /// A socket has gone, or is about to be closed.
    fn lost(&mut self, conn: ConnId, is_cut: bool, now: Timestamp) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let phase = std::mem::replace(&mut state.phase, Phase::Over);
        let Phase::Seated(id) = phase else { return };
        let keeps_seat = is_cut && state.dialect == Dialect::V2;
        state.keeps_seat = Some(keeps_seat.then(|| now + self.config.resume_grace));
        let key = (state.node, state.room, id);
        match self.sessions.get_mut(&key) {
            Some(session) if session.conn == Some(conn) && keeps_seat => session.conn = None,
            Some(session) if session.conn == Some(conn) => {
                self.sessions.remove(&key);
            }
            Some(_) | None => {}
        }
    }

    /// A frame is handed out to a socket.
    pub fn told(&mut self, conn: ConnId, frame: &Bytes, ledger: &mut Ledger, now: Timestamp) {
        let told = Told::parse(frame);
        if self.is_blind {
            return;
        }
        let state = self.conns.get_mut(&conn).expect("only sockets that were opened are written to");
        if let Phase::Seated(_) = state.phase {
            assert!(state.unsent <= self.config.max_unsent_bytes, "{} bytes wait for {conn:?}", state.unsent);
            state.unsent += frame.len();
        }
        match (state.phase, told.kind.as_str()) {
            (Phase::Entering, "joined" | "resumed") => self.entered(conn, frame, &told, ledger, now),
            (Phase::Entering, "error") => self.end(conn),
            // `joined` is the first message of a replay that begins at 0.
            (Phase::Seated(id), kind) if kind != "resumed" => {
                self.told_seated(conn, id, frame, &told, ledger, now);
            }
            (phase, kind) => panic!("{conn:?} was told `{kind}` when {phase:?}"),
        }
    }

    fn entered(&mut self, conn: ConnId, frame: &Bytes, told: &Told, ledger: &mut Ledger, now: Timestamp) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let (node, room, dialect) = (state.node, state.room, state.dialect);
        let (resumed, is_honest) = (state.resumes.clone(), state.is_honest);
        state.unsent += frame.len();
        let record = self.record(node, room).cloned().expect("it goes by a record");
        let id = match (&resumed, told.participant_id) {
            (None, Some(id)) => id.0,
            (Some((token, _)), id) => {
                let owner = self.tokens.get(token).copied().expect("only a token that was issued is taken");
                assert!(id.is_none_or(|id| id.0 == owner), "the token of {owner:?} resumed {id:?}");
                owner
            }
            (None, None) => panic!("`joined` does not say who: {told:?}"),
        };
        assert_eq!(told.kind == "resumed", resumed.is_some(), "{conn:?} was told {told:?}");
        assert_eq!(told.v, (told.replayed.is_none() && dialect == Dialect::V2).then_some(2));
        let key = (node, room, id);
        match (resumed, told.replayed) {
            (Some((_, last_seq)), Some(_)) => {
                let session = self.sessions.get_mut(&key).expect("only what is known can be replayed");
                assert_eq!(session.conn, None, "{id:?} has two sockets");
                session.resume(conn, is_honest, last_seq, told);
                if session.is_astray {
                    self.referee.give_up(id);
                }
            }
            _ => {
                let session = Session::new(id, dialect, conn, frame, told, &record);
                let before = self.sessions.insert(key, session);
                assert!(before.is_none_or(|before| before.conn.is_none()), "{id:?} has two sockets");
                self.referee.released(node, room, id, ledger, now);
            }
        }
        if let Some(token) = &told.resume_token {
            self.tokens.insert(token.clone(), id);
        }
        self.step.has_changed = true;
        let Some(state) = self.conns.get_mut(&conn) else { return };
        state.phase = Phase::Seated(id);
        if !state.held.is_empty() {
            self.step.welcomed.push(conn);
        }
        let is_message = |number: &Option<u64>| number.is_some_and(|n| ledger.entry(n).kind == Kind::Message);
        if state.held.iter().any(is_message) {
            // Which of several early frames an error is about cannot be seen.
            self.referee.give_up(id);
        }
        for number in std::mem::take(&mut state.held) {
            self.take(node, room, id, number, ledger);
        }
    }

    fn told_seated(
        &mut self,
        conn: ConnId,
        id: ParticipantId,
        frame: &Bytes,
        told: &Told,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let Some(state) = self.conns.get(&conn) else { return };
        let (node, room) = (state.node, state.room);
        let record = self.record(node, room).cloned().expect("it goes by a record");
        let session = self.sessions.get_mut(&(node, room, id)).expect("whoever is seated has a session");
        let novelty = session.told(frame, told, &record, ledger);
        if novelty == Novelty::Known {
            return;
        }
        self.step.has_changed |= !told.is_relayed();
        match told.kind.as_str() {
            "offer" | "answer" | "candidate" => {
                let number = told.payload().and_then(|payload| ledger.number_in(payload));
                let Some(number) = number else { return };
                let from = ledger.entry(number).from;
                let is_sender_here = self.sessions.contains_key(&(node, room, from));
                let is_judged_here = from > id || is_sender_here || self.referee.expects(number);
                match novelty {
                    Novelty::Live if is_judged_here => self.referee.forwarded(node, number, ledger, now),
                    Novelty::Kept => self.referee.turned_up(node, number, ledger, now),
                    Novelty::Known | Novelty::Live => {}
                }
            }
            "error" => self.refused(conn, id, told, novelty, ledger, now),
            "room_closed" => {
                let is_over = record.status() != Status::Open;
                assert!(is_over || record.seat(id).is_none(), "{id:?} was told that an open room is closed");
                self.end(conn);
            }
            "kicked" => self.end(conn),
            _ => {}
        }
    }

    /// A sender was told that something of its own was refused.
    fn refused(
        &mut self,
        conn: ConnId,
        id: ParticipantId,
        told: &Told,
        novelty: Novelty,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let code = told.code.as_deref().expect("an error has a code");
        let Some(state) = self.conns.get(&conn) else { return };
        let (node, room) = (state.node, state.room);
        match code {
            "rate_limited" => {
                assert!(!state.is_honest, "{id:?} sends no more than it may");
                return self.referee.give_up(id);
            }
            "peer_unreachable" => {
                self.unreachable.insert(id);
            }
            "offer_conflict" | "peer_not_found" | "self_target" => {}
            _ => return,
        }
        let is_conflict = code == "offer_conflict";
        let about = told.about.map(|about| about.0);
        match (self.step.cause, novelty) {
            (Cause::Frame(from, Some(number)), Novelty::Live) if from == conn => {
                let to = ledger.entry(number).to;
                match to.filter(|_| is_conflict) {
                    Some(to) => self.referee.conflicted(node, room, id, to, ledger, now),
                    None => self.referee.failed(node, number, ledger),
                }
                assert!(about.is_none() || about == to, "an error about {about:?} for a message to {to:?}");
            }
            (Cause::Undelivered(Some(number)), Novelty::Live) => self.referee.failed(node, number, ledger),
            // What was for everybody is refused in the name of its sender.
            (Cause::Refusal(from), Novelty::Live) => {
                self.count_refusal(id, Some(from).filter(|from| *from != id));
            }
            (_, Novelty::Live) if about.is_some_and(|to| self.referee.awaits(node, room, id, to)) => {
                let to = about.expect("just looked at");
                if is_conflict {
                    self.referee.conflicted(node, room, id, to, ledger, now);
                } else {
                    self.referee.failed_oldest(node, room, id, to, ledger);
                }
            }
            _ => self.count_refusal(id, about),
        }
    }

    fn count_refusal(&mut self, id: ParticipantId, about: Option<ParticipantId>) {
        *self.refusals.entry((id, about)).or_default() += 1;
    }

    fn end(&mut self, conn: ConnId) {
        self.step.ending.push(conn);
        let Some(state) = self.conns.get_mut(&conn) else { return };
        if let Phase::Entering = state.phase {
            state.phase = Phase::Ending;
        }
    }

    pub fn closed(&mut self, conn: ConnId, code: CloseCode, now: Timestamp) {
        if self.is_blind {
            return;
        }
        let Some(state) = self.conns.get_mut(&conn) else { panic!("{conn:?} was never open") };
        let (node, room, phase) = (state.node, state.room, state.phase);
        assert!(phase != Phase::Over, "{conn:?} was closed twice");
        if code == CloseCode::SlowConsumer {
            assert!(
                state.unsent > self.config.max_unsent_bytes,
                "{conn:?} was cut off for {} bytes",
                state.unsent
            );
        }
        let is_resumable =
            matches!(code, CloseCode::SlowConsumer | CloseCode::Unavailable | CloseCode::Replaced);
        self.lost(conn, is_resumable, now);
        let Phase::Seated(id) = phase else { return };
        // Whether a seat that was taken over goes on here, the record says.
        let record = self.record(node, room).cloned();
        let seat = record.as_ref().and_then(|record| record.seat(id));
        let key = (node, room, id);
        let goes_on = self.sessions.get(&key).is_some_and(|session| {
            session.conn.is_some()
                || seat.is_some_and(|seat| seat.generation == session.generation && seat.link.node == node)
        });
        if !goes_on {
            self.sessions.remove(&key);
        }
        // How many of its early frames were taken before it was closed cannot be seen.
        if self.step.welcomed.contains(&conn) {
            self.referee.give_up(id);
            if let Some(session) = self.sessions.get_mut(&key) {
                session.is_astray = true;
            }
        }
    }

    pub fn committed(&mut self, node: NodeId, op: &Op) {
        if self.is_blind {
            return;
        }
        let (Op::Attach { link, .. }
        | Op::Detach { link, .. }
        | Op::Leave { link, .. }
        | Op::Resume { link, .. }
        | Op::Update { link, .. }) = op
        else {
            return;
        };
        assert_eq!(link.node, node, "an operation in the name of another node");
        let Some(state) = self.conns.get_mut(&link.conn) else { return };
        match (op, state.keeps_seat) {
            (Op::Leave { how: Farewell::Leave, .. }, None) => {
                let Phase::Seated(id) = std::mem::replace(&mut state.phase, Phase::Ending) else { return };
                self.sessions.remove(&(node, state.room, id));
            }
            (Op::Leave { .. }, keeps) => assert_eq!(keeps.flatten(), None, "{link:?} was only cut"),
            (Op::Detach { until, .. }, Some(Some(keeps))) => {
                assert_eq!(*until, keeps, "the grace of {link:?}");
            }
            _ => {}
        }
    }

    /// A frame goes out to another node.
    pub fn sent_to_node(&mut self, node: NodeId, frame: &PeerFrame, ledger: &mut Ledger, now: Timestamp) {
        if self.is_blind {
            return;
        }
        let Some(to) = frame.to else { return };
        match &frame.body {
            PeerBody::Signal(_) if frame.from.id < to.id => {
                if let Some(number) = number_of(frame, ledger) {
                    self.referee.forwarded(node, number, ledger, now);
                }
            }
            PeerBody::Refused { code, .. } => {
                let is_conflict = *code == ErrorCode::OfferConflict;
                match self.step.cause {
                    _ if is_conflict => {
                        self.referee.conflicted(node, frame.room, to.id, frame.from.id, ledger, now);
                    }
                    Cause::Peer(number) => {
                        self.early.retain(|(_, frame)| number_of(frame, ledger) != Some(number));
                        self.referee.failed(node, number, ledger);
                    }
                    Cause::Frame(..) | Cause::Other | Cause::Refusal(_) | Cause::Undelivered(_) => {
                        // A message that was held back.
                        self.referee.failed_oldest(node, frame.room, to.id, frame.from.id, ledger);
                    }
                }
            }
            PeerBody::Message { .. } | PeerBody::Signal(_) => {}
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
            let is_elsewhere =
                record.and_then(|record| record.seat(to)).is_some_and(|seat| seat.link.node != node);
            let session = self.sessions.get(&(node, entry.room, to));
            // What is for somebody who is still entering is held back, and what comes after something that goes by a
            // later record.
            let is_behind = self
                .early
                .iter()
                .any(|(at, frame)| (*at, frame.room, frame.from.id) == (node, entry.room, entry.from));
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
                assert!(record.status() == Status::Open, "{id:?} was not told that the room is over");
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

    /// Nothing more is on its way: whatever was sent has arrived, or its sender knows that it has not.
    pub fn rest(&mut self, room: &Room, ledger: &mut Ledger, now: Timestamp) {
        self.referee.rest(ledger, now);
        let generation = |id| room.seat(id).filter(|seat| seat.is_attached()).map(|seat| seat.generation);
        let mut silent: BTreeMap<(ParticipantId, ParticipantId), Vec<u64>> = BTreeMap::new();
        for (number, entry) in ledger.iter() {
            let Some(taken) = &entry.taken else { continue };
            let is_settled = entry.room != room.id() || entry.fate != Fate::Sent || !entry.is_honest;
            if is_settled || generation(entry.from) != Some(taken.from) {
                continue;
            }
            let nobody = entry.to.filter(|_| taken.to.is_empty());
            let missed =
                taken.to.iter().filter(|(to, then)| generation(*to) == Some(*then)).map(|(to, _)| *to);
            let missed = missed.chain(nobody).filter(|to| !entry.heard.contains(to));
            for to in missed.filter(|to| !self.referee.has_given_up(*to)) {
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

    /// Whether a participant has been told that somebody could not be reached, so that it may be short of a message.
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

fn number_of(frame: &PeerFrame, ledger: &Ledger) -> Option<u64> {
    let payload = match &frame.body {
        PeerBody::Message { data, .. } => data,
        PeerBody::Refused { .. } => return None,
        PeerBody::Signal(signal) => &signal.payload,
    };
    ledger.number_in(std::str::from_utf8(payload.as_bytes()).ok()?)
}
