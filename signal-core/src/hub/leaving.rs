//! The ways of a connection out: it says so, it is lost, it is closed.

use std::time::Duration;

use super::connection::Phase;
use super::io::{CloseCode, Disconnect, Output};
use super::{AskedBy, Hub};
use crate::ids::{Attachment, ConnId, ParticipantId, RoomId};
use crate::message::ServerMessage;
use crate::protocol::ProtocolVersion;
use crate::room::{LeaveKind, Op};
use crate::time::Timestamp;

/// Whether a seat is kept for a while after its socket was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Keep {
    /// Its participant has a token to come back with.
    ForResume,
    /// It has not.
    No,
}

impl Hub {
    /// Takes nothing more from the participant, and closes its socket once the store knows.
    pub(super) fn leave(&mut self, conn: ConnId, room: RoomId, id: ParticipantId) {
        self.remove_member(room, id);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.phase = Phase::Leaving;
        }
        let attachment = self.attachment(conn);
        self.commit(room, Op::Leave { attachment, how: LeaveKind::Leave }, AskedBy::Leaving(conn));
    }

    pub(super) fn lost(&mut self, conn: ConnId, how: Disconnect, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let (room, protocol) = (connection.room, connection.protocol);
        match &mut connection.phase {
            Phase::Asking(_) | Phase::Leaving => self.forget(conn),
            // The seat is given back when it comes.
            Phase::Entering(entering) => entering.lost = Some(how),
            Phase::Seated(id) => {
                let id = *id;
                let attachment = self.attachment(conn);
                let keep = match (protocol, how) {
                    (ProtocolVersion::V2, Disconnect::Abrupt) => Keep::ForResume,
                    (ProtocolVersion::V1, _) | (ProtocolVersion::V2, Disconnect::Clean) => Keep::No,
                };
                match keep {
                    Keep::ForResume => self.disconnect_member(room, id),
                    Keep::No => self.remove_member(room, id),
                }
                self.give_up_seat(room, attachment, how, keep, now);
                self.forget(conn);
            }
        }
    }

    /// Tells the store about the seat of a socket that has gone.
    pub(super) fn give_up_seat(
        &mut self,
        room: RoomId,
        attachment: Attachment,
        how: Disconnect,
        keep: Keep,
        now: Timestamp,
    ) {
        let op = match (how, keep) {
            (Disconnect::Clean, _) => Op::Leave { attachment, how: LeaveKind::Close },
            (Disconnect::Abrupt, Keep::No) => Op::Detach { attachment, until: now },
            (Disconnect::Abrupt, Keep::ForResume) => {
                Op::Detach { attachment, until: now + self.config.resume_grace }
            }
        };
        self.commit(room, op, AskedBy::Nobody);
    }

    /// Has a participant come back later, to another process.
    pub(super) fn send_away(&mut self, conn: ConnId, reconnect_after: Duration, now: Timestamp) {
        let Some(connection) = self.connections.get(&conn) else { return };
        if let (ProtocolVersion::V2, &Phase::Seated(id)) = (connection.protocol, &connection.phase)
        {
            let room = connection.room;
            self.send(room, id, &ServerMessage::ServerDraining { reconnect_after }, now);
        }
        self.cut_off(conn, CloseCode::Unavailable, now);
    }

    /// Closes a connection that still has its seat, as if it had been lost.
    pub(super) fn cut_off(&mut self, conn: ConnId, code: CloseCode, now: Timestamp) {
        if !self.connections.contains_key(&conn) {
            return;
        }
        self.outputs.push_back(Output::Close { conn, code });
        match code {
            CloseCode::SlowConsumer | CloseCode::Unavailable => {
                self.lost(conn, Disconnect::Abrupt, now)
            }
            CloseCode::BadMessages
            | CloseCode::BadToken
            | CloseCode::Kicked
            | CloseCode::Left
            | CloseCode::RateLimited
            | CloseCode::Replaced
            | CloseCode::ResumeFailed
            | CloseCode::RoomClosed
            | CloseCode::RoomFull => self.lost(conn, Disconnect::Clean, now),
        }
    }

    /// Closes a connection whose seat is gone or never was.
    pub(super) fn dismiss(&mut self, conn: ConnId, code: CloseCode) {
        if self.connections.contains_key(&conn) {
            self.outputs.push_back(Output::Close { conn, code });
            self.forget(conn);
        }
    }

    pub(super) fn forget(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.remove(&conn) else { return };
        let room = connection.room;
        if let Some(local) = self.rooms.get_mut(&room) {
            local.connections -= 1;
        }
        self.unwatch_if_idle(room);
    }

    /// Keeps a member without a socket, for as long as its seat is kept.
    pub(super) fn disconnect_member(&mut self, room: RoomId, id: ParticipantId) {
        if let Some(local) = self.rooms.get_mut(&room) {
            local.connect_member(id, None);
        }
    }

    pub(super) fn remove_member(&mut self, room: RoomId, id: ParticipantId) {
        if let Some(local) = self.rooms.get_mut(&room) {
            local.remove_member(id);
        }
    }

    pub(super) fn unwatch_if_idle(&mut self, room: RoomId) {
        if self.rooms.get(&room).is_some_and(|local| local.is_idle()) {
            self.rooms.remove(&room);
            self.deadlines.set(room, None);
            self.outputs.push_back(Output::Unwatch(room));
        }
    }
}
