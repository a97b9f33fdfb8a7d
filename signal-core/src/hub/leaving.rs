//! How a connection ends: the participant leaves, the socket is lost, or the hub closes it.

use std::time::Duration;

use super::connection::{Backlog, Phase};
use super::io::{Disconnect, Output};
use super::{AskedBy, Hub};
use crate::close_code::CloseCode;
use crate::ids::{Attachment, ConnId, ParticipantId, RoomId};
use crate::message::ServerMessage;
use crate::protocol::ProtocolVersion;
use crate::room::{LeaveKind, Op};
use crate::time::Timestamp;

/// Whether a seat is kept for a while after its socket is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeepSeat {
    /// It is kept: the participant has a token to resume it with.
    ForResume,
    /// It ends.
    No,
}

impl Hub {
    /// Handles a `leave` message. The connection is closed when the store has answered; until then
    /// what the participant sends is ignored.
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
            Phase::Authorizing(_) | Phase::Leaving => self.remove_connection(conn),
            // The store may still give it a seat, which is then given back.
            Phase::Attaching(attaching) => {
                attaching.lost = Some(how);
                attaching.backlog = Backlog::default();
            }
            Phase::Seated(id) => {
                let id = *id;
                let attachment = self.attachment(conn);
                let keep = match (protocol, how) {
                    (ProtocolVersion::V2, Disconnect::Abrupt) => KeepSeat::ForResume,
                    (ProtocolVersion::V1, _) | (ProtocolVersion::V2, Disconnect::Clean) => {
                        KeepSeat::No
                    }
                };
                match keep {
                    KeepSeat::ForResume => self.detach_member(room, id),
                    KeepSeat::No => self.remove_member(room, id),
                }
                self.detach(room, attachment, how, keep, now);
                self.remove_connection(conn);
            }
        }
    }

    /// Asks the store to end or detach the seat of a socket that is gone.
    pub(super) fn detach(
        &mut self,
        room: RoomId,
        attachment: Attachment,
        how: Disconnect,
        keep: KeepSeat,
        now: Timestamp,
    ) {
        let op = match (how, keep) {
            (Disconnect::Clean, _) => Op::Leave { attachment, how: LeaveKind::Close },
            (Disconnect::Abrupt, KeepSeat::No) => Op::Detach { attachment, until: now },
            (Disconnect::Abrupt, KeepSeat::ForResume) => {
                Op::Detach { attachment, until: now + self.config.resume_grace }
            }
        };
        self.commit(room, op, AskedBy::Nobody);
    }

    /// Disconnects a participant so that it resumes at another process.
    pub(super) fn drain(&mut self, conn: ConnId, reconnect_after: Duration, now: Timestamp) {
        let Some(connection) = self.connections.get(&conn) else { return };
        if let (ProtocolVersion::V2, &Phase::Seated(id)) = (connection.protocol, &connection.phase)
        {
            let room = connection.room;
            self.send(room, id, &ServerMessage::ServerDraining { reconnect_after }, now);
        }
        self.close(conn, CloseCode::Unavailable, now);
    }

    /// Closes a connection that may have a seat, and gives the seat up as if the socket had been
    /// lost.
    pub(super) fn close(&mut self, conn: ConnId, code: CloseCode, now: Timestamp) {
        if !self.connections.contains_key(&conn) {
            return;
        }
        self.outputs.push_back(Output::Close { conn, code });
        match code {
            CloseCode::Idle | CloseCode::SlowConsumer | CloseCode::Unavailable => {
                self.lost(conn, Disconnect::Abrupt, now);
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

    /// Closes a connection that has no seat, or no longer has one.
    pub(super) fn close_without_seat(&mut self, conn: ConnId, code: CloseCode) {
        if self.connections.contains_key(&conn) {
            self.outputs.push_back(Output::Close { conn, code });
            self.remove_connection(conn);
        }
    }

    pub(super) fn remove_connection(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.remove(&conn) else { return };
        // A connection that the host has not let in yet was not added to its room.
        if matches!(connection.phase, Phase::Authorizing(_)) {
            return;
        }
        let room = connection.room;
        if let Some(local) = self.rooms.get_mut(&room) {
            local.connections -= 1;
        }
        self.unwatch_if_idle(room);
    }

    /// Keeps a member without a socket for as long as its seat is kept.
    pub(super) fn detach_member(&mut self, room: RoomId, id: ParticipantId) {
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
            self.remove_room(room);
            self.outputs.push_back(Output::Unwatch(room));
        }
    }
}
