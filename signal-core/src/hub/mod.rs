//! The connections of one node, and the messages between them.

mod account;
mod attaching;
mod bucket;
mod budget;
mod cluster;
mod connection;
mod delivery;
mod difference;
mod frame;
mod host;
mod io;
mod leaving;
mod local_room;
mod member;
mod membership;
mod moderation;
mod negotiation;
mod node_frame;
mod opening;
mod profile;
mod receiver;
mod relay;
mod replay;
mod request;
mod sender;
mod slow_reader;
mod unsent;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use self::account::Accounts;
use self::connection::Connection;
pub use self::frame::{ClientFrame, FrameDecoder};
pub use self::io::{Disconnect, Input, Output};
use self::local_room::LocalRoom;
use self::moderation::Moderator;
pub use self::node_frame::{NodeBody, NodeFrame, NodeReceiver, NodeSender, SeatRef};
use crate::close_code::CloseCode;
use crate::config::HubConfig;
use crate::deadlines::Deadlines;
use crate::ids::{Attachment, ConnId, ParticipantId, RoomId};
pub use crate::ids::{NodeId, OpId};
use crate::protocol::ProtocolVersion;
use crate::room::Op;
use crate::store::Applied;
use crate::time::Timestamp;

/// Routes messages between the connections of one process (or of one shard of it).
///
/// A hub holds nothing that must outlive the process. It asks a store to apply operations to rooms,
/// and learns from the records who joined and who left. Relayed messages never touch the store.
///
/// A host of one node uses an [`Engine`](crate::Engine), which drives a hub and a store. A host of
/// a cluster drives a hub itself. Hand in one input, then drain:
///
/// 1. Call [`handle_input`](Self::handle_input), or [`handle_timeout`](Self::handle_timeout) at the
///    time of [`poll_timeout`](Self::poll_timeout).
/// 2. Call [`poll_output`](Self::poll_output) until it returns `None`, and carry out the outputs in
///    this order.
/// 3. For an [`Output::Commit`], have the store apply the operation, and hand the result in as
///    [`Input::Committed`]: at once with a [`MemoryStore`](crate::store::MemoryStore), and whenever the
///    answer comes with a slower store. If no answer comes, hand in [`Input::Uncommitted`]. Then go
///    on draining.
/// 4. Read [`poll_timeout`](Self::poll_timeout) and that of the store again: any input may have
///    changed them.
///
/// When bytes of frames have been written to a socket, hand in [`Input::Sent`]: bytes that were not
/// reported count as waiting, and a connection for which too many wait is closed. When a socket has
/// ended, hand in [`Input::Lost`]; a hub cannot notice that the other side is silent. After an
/// operation that the host itself applies, such as a kick, hand the record in as [`Input::Record`],
/// so that the hub informs the participants.
///
/// A frame is decoded before it is handed in, by a [`FrameDecoder`] of the connection's protocol
/// version. Decoding needs nothing of the hub's state, so a host may do it outside its lock.
///
/// ```
/// use bytes::Bytes;
/// use signal_core::config::HubConfig;
/// use signal_core::hub::{Hub, Input, NodeId, Output};
/// use signal_core::store::MemoryStore;
/// use signal_core::{ConnId, ErrorCode, Timestamp};
///
/// /// Steps 2 and 3, for one node and v1. `sockets` stands for the sockets.
/// fn drain(
///     hub: &mut Hub,
///     store: &mut MemoryStore,
///     sockets: &mut Vec<(ConnId, Bytes)>,
///     now: Timestamp,
/// ) {
///     while let Some(output) = hub.poll_output() {
///         match output {
///             Output::Broadcast { to, except, frame } => {
///                 let to = to.iter().filter(|conn| Some(**conn) != except);
///                 sockets.extend(to.map(|conn| (*conn, frame.clone())));
///             }
///             Output::Close { conn, .. } => sockets.retain(|(open, _)| *open != conn),
///             Output::Commit { op, room, change } => {
///                 let applied = store.apply(room, &change, now);
///                 hub.handle_input(Input::Committed { op, applied }, now);
///             }
///             Output::Frame { to, frame } => sockets.push((to, frame)),
///             // Nobody speaks v2, which can ask for ICE servers.
///             Output::IceServersWanted { .. } => {}
///             // For metrics.
///             Output::OverRate { .. } => {}
///             // This host says nothing of its own, and listens to nobody.
///             Output::HostMessageRefused(_) => {}
///             Output::ToHost(message) => {
///                 let code = ErrorCode::PeerNotFound;
///                 hub.handle_input(Input::ToHostRefused { message, code }, now);
///             }
///             // Nobody but this hub writes to the store, so there are no records to hand in.
///             Output::Watch(_) | Output::Unwatch(_) => {}
///             // Every entry is verified before it is handed in, and there is one node.
///             Output::Authorize { .. } | Output::ToNode { .. } => unreachable!("{output:?}"),
///         }
///     }
///     for (conn, frame) in sockets.drain(..) {
///         // The socket has taken it.
///         hub.handle_input(Input::Sent { conn, bytes: frame.len() }, now);
///     }
/// }
///
/// let now = Timestamp::from_millis(1_764_943_200_000);
/// let mut hub = Hub::new(NodeId(1), HubConfig::default());
/// drain(&mut hub, &mut MemoryStore::new(), &mut vec![], now);
/// assert!(hub.is_idle());
/// ```
#[derive(Debug)]
pub struct Hub {
    node: NodeId,
    config: HubConfig,
    // `FxHashMap` hashes without a secret key. That is safe here: the host mints every key, so
    // nobody can choose ids that collide. A room id that a stranger asks for becomes a key only
    // once the host has let the stranger in.
    connections: FxHashMap<ConnId, Connection>,
    rooms: FxHashMap<RoomId, LocalRoom>,
    /// The accounts of tickets in rooms without members on this node, until they are full again.
    accounts: FxHashMap<RoomId, Accounts>,
    deadlines: Deadlines<RoomId>,
    last_op: u64,
    /// The operations that the store has not answered yet, kept so that they can be asked for
    /// again.
    pending: FxHashMap<OpId, Pending>,
    outputs: VecDeque<Output>,
}

/// An operation that was asked for.
#[derive(Debug)]
struct Pending {
    room: RoomId,
    /// The record that was known when the store was asked.
    known: Option<KnownRecord>,
    change: Op,
    asked_by: AskedBy,
}

/// The epoch and version of a record.
type KnownRecord = (u64, u64);

/// Who waits for the answer to an operation.
#[derive(Debug)]
enum AskedBy {
    /// A connection that attaches or resumes.
    Attaching(ConnId),
    /// A connection that has left, and is closed when the answer comes.
    Leaving(ConnId),
    /// A participant that moderates the room.
    Moderator(Moderator),
    /// No caller waits for the result.
    Nobody,
    /// The deadline of the room.
    Timer,
    /// A participant that changes its name or state over this connection.
    Profile(ParticipantId, ConnId),
}

impl Hub {
    /// Creates a hub without connections. `node` names this process in the records of rooms.
    pub fn new(node: NodeId, config: HubConfig) -> Self {
        Self {
            node,
            config,
            connections: FxHashMap::default(),
            rooms: FxHashMap::default(),
            accounts: FxHashMap::default(),
            deadlines: Deadlines::default(),
            last_op: 0,
            pending: FxHashMap::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Returns the decoder for [`Input::Frame`], for a connection that speaks the given version.
    #[must_use]
    pub fn decoder(&self, protocol: ProtocolVersion) -> FrameDecoder {
        FrameDecoder::new(&self.config, protocol)
    }

    /// Handles something that happened.
    ///
    /// Nothing that a participant sends makes this fail: the participant gets an `error` message
    /// for what it did wrong. Take out every output with [`poll_output`](Self::poll_output)
    /// afterwards.
    pub fn handle_input(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Authorized { conn, entry } => self.authorized(conn, entry, now),
            Input::Committed { op, applied } => self.committed(op, &applied, now),
            Input::Draining { conn, reconnect_after } => self.drain(conn, reconnect_after, now),
            Input::Frame { conn, frame } => self.frame(conn, frame, now),
            Input::HostMessage { record, message } => self.host_message(&record, message, now),
            Input::IceServers { conn, ice, req } => self.ice_servers(conn, ice, req, now),
            Input::IceServersRefused { conn, code, req } => {
                self.request_refused(conn, code, req, now);
            }
            Input::Lost { conn, how } => self.lost(conn, how, now),
            Input::Open { conn, room, protocol, language, entry, randomness, client } => {
                let connection = Connection::new(room, protocol, language, randomness, client);
                self.open(conn, connection, entry, now);
            }
            Input::FromNode { from, frame } => self.node_frame(from, frame, now),
            Input::Record(record) => self.see(&record, now),
            Input::Sent { conn, bytes } => self.sent(conn, bytes, now),
            Input::ToHostRefused { message, code } => self.host_refuses(message, code, now),
            Input::Uncommitted { op } => self.ask_again(op),
            Input::Undelivered { frame } => self.undelivered(&frame, now),
        }
    }

    /// Handles every deadline that has passed. Call it at the time of
    /// [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(room) = self.deadlines.pop_due(now) {
            self.due(room, now);
        }
    }

    /// Takes out the next output; `None` if nothing is left to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout). Any input may change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// Whether nothing is left: no connection, no room, no operation that awaits its answer, no
    /// output. A host that wants to stop may stop then.
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
        let known = self.known_record(room);
        self.pending.insert(op, Pending { room, known, change, asked_by });
    }

    fn known_record(&self, room: RoomId) -> Option<KnownRecord> {
        let record = self.rooms.get(&room)?.record()?;
        Some((record.epoch(), record.version()))
    }

    /// Asks for the same operation again. It names the same attachment, so applying it twice
    /// changes nothing.
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
        let Some(mut pending) = self.pending.remove(&op) else { return };
        if applied.record.is_none() {
            let known = self.known_record(pending.room);
            if known != pending.known {
                // The answer is older than the record, so the room may have been created since.
                pending.known = known;
                self.pending.insert(op, pending);
                return self.ask_again(op);
            }
            self.room_removed(pending.room, now);
        }
        match pending.asked_by {
            AskedBy::Attaching(conn) => self.entered(conn, applied, now),
            AskedBy::Leaving(conn) => self.close_without_seat(conn, CloseCode::Left),
            AskedBy::Moderator(moderator) => self.moderated(moderator, applied.reply, now),
            AskedBy::Nobody => {}
            AskedBy::Timer => self.pruned(pending.room, now),
            AskedBy::Profile(id, conn) => {
                self.profile_updated(pending.room, id, conn, applied.reply, now);
            }
        }
    }

    fn attachment(&self, conn: ConnId) -> Attachment {
        Attachment { node: self.node, conn }
    }
}
