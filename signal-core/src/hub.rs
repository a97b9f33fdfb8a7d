//! The rooms of one node: who is connected, who gets what.

mod connection;
mod io;
mod local_room;
mod negotiation;

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use self::connection::{Connection, Held, Phase};
pub use self::io::{CloseCode, Input, Output};
use self::local_room::LocalRoom;
use self::negotiation::Verdict;
use crate::config::HubConfig;
use crate::deadlines::Deadlines;
use crate::error::ErrorCode;
use crate::ids::{ConnId, Link, NodeId, OpId, ParticipantId, RoomId};
use crate::language::Language;
use crate::message::{ClientMessage, Participant, ServerMessage, Signal};
use crate::room::{CloseReason, Op, Presence, Reject, Room, Seat, Status};
use crate::store::Applied;
use crate::time::Timestamp;
use crate::wire;

/// Routes messages between the connections of one process (or of one shard of it).
///
/// A hub keeps nothing that must outlive the process. It asks a store for changes to rooms and learns from
/// their records who joined and who left; relayed messages never touch the store. See the
/// [crate documentation](crate) for the loop that drives it.
#[derive(Debug)]
pub struct Hub {
    node: NodeId,
    config: HubConfig,
    connections: HashMap<ConnId, Connection>,
    rooms: HashMap<RoomId, LocalRoom>,
    deadlines: Deadlines,
    last_op: u64,
    /// The operations whose answer a connection waits for.
    asked: HashMap<OpId, Asked>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum Asked {
    Attach(ConnId),
    Leave(ConnId),
}

impl Hub {
    /// A hub without connections. `node` names this process in the records of rooms.
    pub fn new(node: NodeId, config: HubConfig) -> Self {
        Self {
            node,
            config,
            connections: HashMap::new(),
            rooms: HashMap::new(),
            deadlines: Deadlines::default(),
            last_op: 0,
            asked: HashMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in something that happened.
    ///
    /// Nothing a participant sends makes this fail: what it did wrong comes back to it as an `error` message.
    /// Afterwards take out every output with [`poll_output`](Self::poll_output).
    pub fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Committed { op, applied } => self.committed(op, &applied, now),
            Input::Frame { conn, frame } => self.frame(conn, frame, now),
            Input::Lost { conn } => self.lost(conn, now),
            Input::Open { conn, room, ticket, name, language, suffix } => {
                let link = self.link(conn);
                self.open(conn, room, language, Op::Attach { ticket, name, link, suffix });
            }
            Input::Record(record) => self.see(&record, now),
            Input::Sent { conn, bytes } => {
                if let Some(connection) = self.connections.get_mut(&conn) {
                    connection.unsent_bytes = connection.unsent_bytes.saturating_sub(bytes);
                }
            }
        }
    }

    /// Does what has become due; call it when the time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(room) = self.deadlines.pop_due(now) {
            self.commit(room, Op::Prune);
        }
    }

    /// Takes out the next thing to do; `None` when there is nothing left.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); any input may move it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    fn open(&mut self, conn: ConnId, room: RoomId, language: Language, attach: Op) {
        let phase = Phase::Entering(Held::default());
        self.connections.insert(conn, Connection { room, language, phase, unsent_bytes: 0 });
        let local = self.rooms.entry(room).or_default();
        local.connections += 1;
        if local.connections == 1 {
            self.outputs.push_back(Output::Watch(room));
        }
        let op = self.commit(room, attach);
        self.asked.insert(op, Asked::Attach(conn));
    }

    fn frame(&mut self, conn: ConnId, frame: Bytes, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let room = connection.room;
        match &mut connection.phase {
            Phase::Entering(held) => {
                held.push(frame);
                if held.bytes() > self.config.max_held_bytes {
                    self.cut_off(conn, CloseCode::RateLimited, now);
                }
            }
            Phase::Leaving => {}
            Phase::Seated(from) => {
                let from = *from;
                self.message(conn, room, from, &frame, now);
            }
        }
    }

    fn message(&mut self, conn: ConnId, room: RoomId, from: ParticipantId, frame: &Bytes, now: Timestamp) {
        if frame.len() > self.config.max_frame_bytes {
            let detail = format!("at most {} bytes", self.config.max_frame_bytes);
            return self.error(conn, ErrorCode::MessageTooLarge, Some(&detail), now);
        }
        match wire::decode_client(frame) {
            Ok(ClientMessage::Leave) => self.leave(conn, room),
            Ok(ClientMessage::Signal { to, signal }) => self.relay(conn, room, from, to, signal, now),
            Err(error) => self.error(conn, error.code(), Some(&error.to_string()), now),
        }
    }

    fn relay(
        &mut self,
        conn: ConnId,
        room: RoomId,
        from: ParticipantId,
        to: ParticipantId,
        signal: Signal,
        now: Timestamp,
    ) {
        if to == from {
            return self.error(conn, ErrorCode::SelfTarget, None, now);
        }
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let Some(receiver) = local.member(to) else {
            return self.error(conn, ErrorCode::PeerNotFound, None, now);
        };
        let patience = self.config.offer_patience;
        match local.negotiation(from, to).judge(from, to, signal.kind, patience, now) {
            Verdict::Conflict => self.error(conn, ErrorCode::OfferConflict, None, now),
            Verdict::Drop => {}
            Verdict::Forward => self.send(receiver, &ServerMessage::Signal { from, signal }, now),
        }
    }

    fn leave(&mut self, conn: ConnId, room: RoomId) {
        self.unseat(conn, Phase::Leaving);
        let link = self.link(conn);
        let op = self.commit(room, Op::Leave { link });
        self.asked.insert(op, Asked::Leave(conn));
    }

    /// A seat ends with its socket; a socket that goes before it is seated is given back on the store's answer.
    fn lost(&mut self, conn: ConnId, now: Timestamp) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let room = connection.room;
        if let Phase::Seated(_) = connection.phase {
            let link = self.link(conn);
            self.commit(room, Op::Detach { link, until: now });
        }
        self.forget(conn);
    }

    fn committed(&mut self, op: OpId, applied: &Applied, now: Timestamp) {
        if let Some(record) = &applied.record {
            self.see(record, now);
        }
        match self.asked.remove(&op) {
            Some(Asked::Attach(conn)) => self.attached(conn, applied, now),
            Some(Asked::Leave(conn)) => self.dismiss(conn, CloseCode::Left),
            None => {}
        }
    }

    fn attached(&mut self, conn: ConnId, applied: &Applied, now: Timestamp) {
        let link = self.link(conn);
        let Some(connection) = self.connections.get(&conn) else {
            if let (Ok(_), Some(record)) = (applied.reply, &applied.record) {
                self.commit(record.id(), Op::Detach { link, until: now });
            }
            return;
        };
        if let Err(reject) = applied.reply {
            let (code, close) = refusal(reject);
            self.error(conn, code, None, now);
            return self.dismiss(conn, close);
        }
        // The newest record and not the receipt: the seat may be gone again.
        let record = self.rooms.get(&connection.room).and_then(LocalRoom::record).cloned();
        let seat = |room: &Arc<Room>| {
            room.seats().iter().find(|seat| seat.presence == Presence::Attached(link)).cloned()
        };
        match record.as_ref().and_then(|room| Some((room, seat(room)?))) {
            Some((record, seat)) => self.seat(conn, record, seat.id, now),
            None => self.dismiss(conn, CloseCode::Replaced),
        }
    }

    /// Welcomes a connection to its seat and turns to what it has sent meanwhile.
    fn seat(&mut self, conn: ConnId, record: &Arc<Room>, id: ParticipantId, now: Timestamp) {
        let participants: Vec<Participant> =
            record.seats().iter().filter(|seat| seat.id != id).map(Seat::participant).collect();
        self.send(conn, &ServerMessage::Joined { participant_id: id, participants }, now);
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let entering = mem::replace(&mut connection.phase, Phase::Seated(id));
        if let Some(local) = self.rooms.get_mut(&record.id()) {
            local.insert_member(id, conn);
        }
        if let Phase::Entering(held) = entering {
            for frame in held.into_frames() {
                self.frame(conn, frame, now);
            }
        }
    }

    /// Takes over a newer record and tells everybody here what is different: the only source of `peer_joined`,
    /// `peer_left` and `room_closed`.
    fn see(&mut self, record: &Arc<Room>, now: Timestamp) {
        let room = record.id();
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let Some(difference) = local.see(record) else { return };
        self.deadlines.set(room, record.deadline());
        if let Status::Closed(reason) = record.status() {
            return self.room_closed(room, reason, now);
        }
        let replaced: Vec<ConnId> = difference.left.iter().filter_map(|id| local.member(*id)).collect();
        for conn in replaced {
            self.dismiss(conn, CloseCode::Replaced);
        }
        for participant_id in difference.left {
            self.broadcast(room, &ServerMessage::PeerLeft { participant_id }, now);
        }
        for seat in difference.joined.into_iter().filter_map(|id| record.seat(id)) {
            self.broadcast(room, &ServerMessage::PeerJoined { participant: seat.participant() }, now);
        }
    }

    fn room_closed(&mut self, room: RoomId, reason: CloseReason, now: Timestamp) {
        let Some(local) = self.rooms.get(&room) else { return };
        let members = Arc::clone(local.audience());
        for &conn in members.iter() {
            let Some(connection) = self.connections.get(&conn) else { continue };
            let reason = reason.text(connection.language).to_owned();
            self.send(conn, &ServerMessage::RoomClosed { reason }, now);
            self.dismiss(conn, CloseCode::RoomClosed);
        }
    }

    fn error(&mut self, conn: ConnId, code: ErrorCode, detail: Option<&str>, now: Timestamp) {
        let Some(connection) = self.connections.get(&conn) else { return };
        let text = code.text(connection.language);
        let message = detail.map_or_else(|| text.to_owned(), |detail| format!("{text}: {detail}"));
        self.send(conn, &ServerMessage::Error { code, message }, now);
    }

    fn send(&mut self, to: ConnId, message: &ServerMessage, now: Timestamp) {
        let frame = wire::encode_server(message);
        let bytes = frame.len();
        self.outputs.push_back(Output::Frame { to, frame });
        self.account(to, bytes, now);
    }

    fn broadcast(&mut self, room: RoomId, message: &ServerMessage, now: Timestamp) {
        let Some(local) = self.rooms.get(&room) else { return };
        let to = Arc::clone(local.audience());
        if to.is_empty() {
            return;
        }
        let frame = wire::encode_server(message);
        let bytes = frame.len();
        self.outputs.push_back(Output::Broadcast { to: Arc::clone(&to), frame });
        for &conn in to.iter() {
            self.account(conn, bytes, now);
        }
    }

    /// Counts what was handed out; one frame may go over the limit, the next finds the connection closed.
    fn account(&mut self, conn: ConnId, bytes: usize, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.unsent_bytes += bytes;
        if connection.unsent_bytes > self.config.max_unsent_bytes {
            self.cut_off(conn, CloseCode::SlowConsumer, now);
        }
    }

    /// Closes a connection that still has its seat.
    fn cut_off(&mut self, conn: ConnId, code: CloseCode, now: Timestamp) {
        self.outputs.push_back(Output::Close { conn, code });
        self.lost(conn, now);
    }

    /// Closes a connection whose seat is gone or never was.
    fn dismiss(&mut self, conn: ConnId, code: CloseCode) {
        if self.connections.contains_key(&conn) {
            self.outputs.push_back(Output::Close { conn, code });
            self.forget(conn);
        }
    }

    fn commit(&mut self, room: RoomId, change: Op) -> OpId {
        self.last_op += 1;
        let op = OpId(self.last_op);
        self.outputs.push_back(Output::Commit { op, room, change });
        op
    }

    fn forget(&mut self, conn: ConnId) {
        self.unseat(conn, Phase::Leaving);
        let Some(connection) = self.connections.remove(&conn) else { return };
        let room = connection.room;
        let Some(local) = self.rooms.get_mut(&room) else { return };
        local.connections -= 1;
        if local.connections == 0 {
            self.rooms.remove(&room);
            self.deadlines.set(room, None);
            self.outputs.push_back(Output::Unwatch(room));
        }
    }

    /// Takes a connection out of what its room is told.
    fn unseat(&mut self, conn: ConnId, phase: Phase) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if let Phase::Seated(id) = mem::replace(&mut connection.phase, phase)
            && let Some(local) = self.rooms.get_mut(&connection.room)
        {
            local.remove_member(id);
        }
    }

    fn link(&self, conn: ConnId) -> Link {
        Link { node: self.node, conn }
    }
}

/// What a connection is told whose attach was refused.
fn refusal(reject: Reject) -> (ErrorCode, CloseCode) {
    match reject {
        Reject::IdsExhausted => (ErrorCode::Unavailable, CloseCode::RoomFull),
        Reject::RoomClosed => (ErrorCode::RoomClosed, CloseCode::RoomClosed),
        Reject::RoomExpired => (ErrorCode::RoomExpired, CloseCode::RoomClosed),
        Reject::RoomFull => (ErrorCode::RoomFull, CloseCode::RoomFull),
        Reject::RoomNotFound => (ErrorCode::RoomNotFound, CloseCode::RoomClosed),
        // An attach checks no password; a store that says so is answered without giving a reason away.
        Reject::PasswordLocked | Reject::WrongPassword => (ErrorCode::Forbidden, CloseCode::RoomClosed),
    }
}
