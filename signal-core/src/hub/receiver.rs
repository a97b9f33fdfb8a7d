//! A member that is sent a message: encodes it, numbers it, and keeps it for a replay.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::connection::Connection;
use super::member::Member;
use super::negotiation::Negotiations;
use crate::config::{FloodLimit, ReplayLimit};
use crate::ids::{ConnId, Ticket};
use crate::message::ServerMessage;
use crate::time::Timestamp;
use crate::wire;

/// A member, and the parts of its room that a message to it may change.
pub(super) struct Receiver<'a> {
    pub(super) member: &'a mut Member,
    pub(super) negotiations: &'a mut Negotiations,
    pub(super) trim_at: &'a mut Option<Timestamp>,
}

/// A message on its way to one member.
pub(super) struct Outgoing {
    /// `None` while the member has no socket. The message waits in its replay.
    pub(super) conn: Option<ConnId>,
    pub(super) frame: Bytes,
    /// Whether the deadline of the room has to be updated.
    pub(super) moves_deadline: bool,
}

impl Receiver<'_> {
    /// Whether messages of that sender are refused now.
    pub(super) fn refuses(
        &self,
        sender: Ticket,
        others: usize,
        connections: &FxHashMap<ConnId, Connection>,
        limit: &FloodLimit,
    ) -> bool {
        let connection = self.member.conn.and_then(|conn| connections.get(&conn));
        connection.is_some_and(|connection| connection.unsent.refuses(sender, others, limit))
    }

    /// Encodes a message in the member's version of the protocol, numbers it, and keeps it for a
    /// replay.
    pub(super) fn write(
        self,
        message: &ServerMessage,
        limit: &ReplayLimit,
        now: Timestamp,
    ) -> Outgoing {
        let frame = wire::encode_server(message, self.member.protocol);
        let is_kept = self.member.keep(&frame, limit, now);
        let moves_deadline = is_kept && note_kept(self.trim_at, limit, now);
        Outgoing { conn: self.member.conn, frame, moves_deadline }
    }
}

/// Sets the time to drop old messages, unless an older message has set it already.
pub(super) fn note_kept(
    trim_at: &mut Option<Timestamp>,
    limit: &ReplayLimit,
    now: Timestamp,
) -> bool {
    let is_first = trim_at.is_none();
    trim_at.get_or_insert(now + limit.age);
    is_first
}
