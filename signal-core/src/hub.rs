//! The rooms of one node: who is connected, who gets what.

mod budget;
mod cluster;
mod connection;
mod delivery;
mod difference;
mod entering;
mod io;
mod leaving;
mod local_room;
mod member;
mod membership;
mod negotiation;
mod node_frame;
mod relay;
mod replay;
mod request;
mod showing;

use std::collections::{HashMap, VecDeque};

use self::connection::Connection;
pub use self::io::{CloseCode, Disconnect, Entry, Input, Output, Randomness};
use self::local_room::LocalRoom;
pub use self::node_frame::{NodeBody, NodeFrame, SeatRef};
use crate::config::HubConfig;
use crate::deadlines::Deadlines;
use crate::ids::{Attachment, ConnId, NodeId, OpId, ParticipantId, RoomId};
use crate::room::Op;
use crate::store::Applied;
use crate::time::Timestamp;

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
    /// The operations that the store has not answered yet.
    pending: HashMap<OpId, Pending>,
    outputs: VecDeque<Output>,
}

/// An operation on its way, kept so that it can be asked for again.
#[derive(Debug)]
struct Pending {
    room: RoomId,
    change: Op,
    asked_by: AskedBy,
}

/// Who waits for the answer to an operation.
#[derive(Clone, Copy, Debug)]
enum AskedBy {
    /// A connection that wants its seat.
    Entering(ConnId),
    /// A connection that has left and is closed on the answer.
    Leaving(ConnId),
    /// Nobody.
    Nobody,
    /// The deadline of the room.
    Timer,
    /// A participant that changes what it shows of itself, by that connection of its own.
    Showing(ParticipantId, ConnId),
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
            pending: HashMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in something that happened.
    ///
    /// Nothing a participant sends makes this fail: what it did wrong comes back to it as an `error` message.
    /// Afterwards take out every output with [`poll_output`](Self::poll_output).
    pub fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Authorized { conn, entry } => self.authorized(conn, entry, now),
            Input::Committed { op, applied } => self.committed(op, &applied, now),
            Input::Draining { conn, reconnect_after } => self.send_away(conn, reconnect_after, now),
            Input::Frame { conn, frame } => self.frame(conn, frame, now),
            Input::IceServers { conn, ice, req } => self.ice_servers(conn, ice, req, now),
            Input::Lost { conn, how } => self.lost(conn, how, now),
            Input::Open { conn, room, protocol, language, entry, randomness } => {
                self.open(
                    conn,
                    Connection::new(room, protocol, language, randomness, now),
                    entry,
                    now,
                );
            }
            Input::FromNode { from, frame } => self.node_frame(from, frame, now),
            Input::Record(record) => self.see(&record, now),
            Input::Sent { conn, bytes } => {
                if let Some(connection) = self.connections.get_mut(&conn) {
                    connection.unsent_bytes = connection.unsent_bytes.saturating_sub(bytes);
                }
            }
            Input::Uncommitted { op } => self.ask_again(op),
            Input::Undelivered { frame } => self.undelivered(&frame, now),
        }
    }

    /// Does what has become due; call it when the time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(room) = self.deadlines.pop_due(now) {
            self.due(room, now);
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

    /// Whether there is nothing left: no connection, no room, no operation that awaits its answer, no output. Then a
    /// host that wants to stop may do so.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.connections.is_empty()
            && self.rooms.is_empty()
            && self.pending.is_empty()
            && self.outputs.is_empty()
    }

    fn commit(&mut self, room: RoomId, change: Op, asked_by: AskedBy) {
        self.last_op += 1;
        let op = OpId(self.last_op);
        self.outputs.push_back(Output::Commit { op, room, change: change.clone() });
        self.pending.insert(op, Pending { room, change, asked_by });
    }

    /// The same operation again: it names the same attachment, so that carrying it out twice changes nothing.
    fn ask_again(&mut self, op: OpId) {
        if let Some(pending) = self.pending.get(&op) {
            let (room, change) = (pending.room, pending.change.clone());
            self.outputs.push_back(Output::Commit { op, room, change });
        }
    }

    fn committed(&mut self, op: OpId, applied: &Applied, now: Timestamp) {
        if let Some(record) = &applied.record {
            self.see(record, now);
        }
        let Some(pending) = self.pending.remove(&op) else { return };
        if applied.record.is_none() {
            self.room_forgotten(pending.room, now);
        }
        match pending.asked_by {
            AskedBy::Entering(conn) => self.entered(conn, applied, now),
            AskedBy::Leaving(conn) => self.dismiss(conn, CloseCode::Left),
            AskedBy::Nobody => {}
            AskedBy::Timer => self.pruned(pending.room, now),
            AskedBy::Showing(id, conn) => self.shown(pending.room, id, conn),
        }
    }

    fn attachment(&self, conn: ConnId) -> Attachment {
        Attachment { node: self.node, conn }
    }
}
