//! The ways of a connection out: it says so, it is lost, it is closed.

use std::time::Duration;

use super::connection::Phase;
use super::io::{CloseCode, Loss, Output};
use super::{AskedBy, Hub};
use crate::dialect::Dialect;
use crate::ids::{ConnId, Link, ParticipantId, RoomId};
use crate::message::ServerMessage;
use crate::room::{Farewell, Op};
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
        let link = self.link(conn);
        self.commit(room, Op::Leave { link, how: Farewell::Leave }, AskedBy::Leaving(conn));
    }

    pub(super) fn lost(&mut self, conn: ConnId, how: Loss, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let (room, dialect) = (connection.room, connection.dialect);
        match &mut connection.phase {
            Phase::Asking(_) | Phase::Leaving => self.forget(conn),
            // The seat is given back when it comes.
            Phase::Entering(entering) => entering.lost = Some(how),
            Phase::Seated(id) => {
                let id = *id;
                let link = self.link(conn);
                let keep = match (dialect, how) {
                    (Dialect::V2, Loss::Cut) => Keep::ForResume,
                    (Dialect::V1, _) | (Dialect::V2, Loss::Closed) => Keep::No,
                };
                match keep {
                    Keep::ForResume => self.disconnect_member(room, id),
                    Keep::No => self.remove_member(room, id),
                }
                self.give_up_seat(room, link, how, keep, now);
                self.forget(conn);
            }
        }
    }

    /// Tells the store about the seat of a socket that has gone.
    pub(super) fn give_up_seat(
        &mut self,
        room: RoomId,
        link: Link,
        how: Loss,
        keep: Keep,
        now: Timestamp,
    ) {
        let op = match (how, keep) {
            (Loss::Closed, _) => Op::Leave { link, how: Farewell::Close },
            (Loss::Cut, Keep::No) => Op::Detach { link, until: now },
            (Loss::Cut, Keep::ForResume) => {
                Op::Detach { link, until: now + self.config.resume_grace }
            }
        };
        self.commit(room, op, AskedBy::Nobody);
    }

    /// Has a participant come back later, to another process.
    pub(super) fn send_away(&mut self, conn: ConnId, reconnect_after: Duration, now: Timestamp) {
        let Some(connection) = self.connections.get(&conn) else { return };
        if let (Dialect::V2, &Phase::Seated(id)) = (connection.dialect, &connection.phase) {
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
            CloseCode::SlowConsumer | CloseCode::Unavailable => self.lost(conn, Loss::Cut, now),
            CloseCode::BadMessages
            | CloseCode::BadToken
            | CloseCode::Kicked
            | CloseCode::Left
            | CloseCode::RateLimited
            | CloseCode::Replaced
            | CloseCode::ResumeFailed
            | CloseCode::RoomClosed
            | CloseCode::RoomFull => self.lost(conn, Loss::Closed, now),
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
