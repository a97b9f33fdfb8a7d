//! How a message is delivered: encoded, numbered, kept for a replay, counted as unsent, handed out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Hub;
use super::io::Output;
use super::receiver::Outgoing;
use crate::close_code::CloseCode;
use crate::error::ErrorCode;
use crate::ids::{ConnId, ParticipantId, RoomId, Ticket};
use crate::message::{Addressee, RequestId, ServerMessage};
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::wire;

impl Hub {
    /// Sends a message of the hub itself to a member. A member without a socket gets it when it
    /// resumes.
    pub(super) fn send(
        &mut self,
        room: RoomId,
        to: ParticipantId,
        message: &ServerMessage,
        now: Timestamp,
    ) {
        self.send_from(room, to, message, None, now);
    }

    /// The same for a message that a participant has sent.
    pub(super) fn send_from(
        &mut self,
        room: RoomId,
        to: ParticipantId,
        message: &ServerMessage,
        from: Option<Ticket>,
        now: Timestamp,
    ) {
        let receiver = self.rooms.get_mut(&room).and_then(|local| local.receiver(to));
        if let Some(receiver) = receiver {
            let outgoing = receiver.write(message, &self.config.replay, now);
            self.dispatch(room, outgoing, from, now);
        }
    }

    /// Hands out a message that was written for a member.
    pub(super) fn dispatch(
        &mut self,
        room: RoomId,
        outgoing: Outgoing,
        from: Option<Ticket>,
        now: Timestamp,
    ) {
        let Outgoing { conn, frame, moves_deadline } = outgoing;
        if moves_deadline {
            self.move_deadline(room);
        }
        if let Some(conn) = conn {
            self.hand_out(conn, frame, from, now);
        }
    }

    /// Sends a message to every member except one.
    pub(super) fn broadcast(
        &mut self,
        room: RoomId,
        message: &ServerMessage,
        except: Option<ParticipantId>,
        now: Timestamp,
    ) {
        let Some(local) = self.rooms.get(&room) else { return };
        let v1 = Arc::clone(&local.broadcast_sockets().v1);
        let except_conn = except.and_then(|id| local.member(id)?.conn);
        if !v1.is_empty() {
            let frame = wire::encode_server(message, ProtocolVersion::V1);
            self.hand_out_to_all(&v1, except_conn, &frame, None, now);
        }
        self.broadcast_v2(room, message, except, now);
    }

    /// Sends a message to every member that speaks v2, except one.
    pub(super) fn broadcast_v2(
        &mut self,
        room: RoomId,
        message: &ServerMessage,
        except: Option<ParticipantId>,
        now: Timestamp,
    ) {
        self.broadcast_except(room, message, None, except.as_slice(), now);
    }

    /// Sends a message to every member that speaks v2, except some. `from` is whose message it is;
    /// `None` is the hub itself.
    pub(super) fn broadcast_except(
        &mut self,
        room: RoomId,
        message: &ServerMessage,
        from: Option<Ticket>,
        except: &[ParticipantId],
        now: Timestamp,
    ) {
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let mut frame = None;
        for (id, member) in local.members_mut() {
            if member.protocol == ProtocolVersion::V2 && !except.contains(&id) {
                let frame =
                    frame.get_or_insert_with(|| wire::encode_server(message, ProtocolVersion::V2));
                member.keep(frame, &self.config.replay, now);
            }
        }
        let Some(frame) = frame else { return };
        let moves_deadline = local.note_kept(&self.config.replay, now);
        let mut v2 = Arc::clone(&local.broadcast_sockets().v2);
        let mut except_conns = except.iter().filter_map(|id| local.member(*id)?.conn);
        let except_conn = except_conns.next();
        let more: Vec<ConnId> = except_conns.collect();
        if !more.is_empty() {
            v2 = v2.iter().copied().filter(|conn| !more.contains(conn)).collect();
        }
        if moves_deadline {
            self.move_deadline(room);
        }
        self.hand_out_to_all(&v2, except_conn, &frame, from, now);
    }

    /// Tells a member that its message was refused.
    pub(super) fn error(
        &mut self,
        room: RoomId,
        to: ParticipantId,
        code: ErrorCode,
        refused: RefusalDetails<'_>,
        now: Timestamp,
    ) {
        let conn = self.rooms.get(&room).and_then(|local| local.member(to)?.conn);
        let language =
            conn.and_then(|conn| self.connections.get(&conn)).map(|connection| connection.language);
        let text = code.text(language.unwrap_or_default());
        let message =
            refused.detail.map_or_else(|| text.to_owned(), |detail| format!("{text}: {detail}"));
        let usual = code.retry_after().filter(|_| !refused.is_final);
        let retry_after = refused.retry_after.or(usual);
        let RefusalDetails { about, req, .. } = refused;
        self.send(room, to, &ServerMessage::Error { code, message, about, retry_after, req }, now);
    }

    fn hand_out_to_all(
        &mut self,
        to: &Arc<[ConnId]>,
        except: Option<ConnId>,
        frame: &Bytes,
        from: Option<Ticket>,
        now: Timestamp,
    ) {
        if to.is_empty() || (to.len() == 1 && except == Some(to[0])) {
            return;
        }
        let mut full = Vec::new();
        for &conn in to.iter().filter(|conn| Some(**conn) != except) {
            match self.take_space(conn, frame.len(), from, now) {
                Space::Taken | Space::NoConnection => {}
                Space::Full => full.push(conn),
            }
        }
        let mut to = Arc::clone(to);
        if !full.is_empty() {
            to = to.iter().copied().filter(|conn| !full.contains(conn)).collect();
            for conn in full {
                self.close(conn, CloseCode::SlowConsumer, now);
            }
        }
        self.outputs.push_back(Output::Broadcast { to, except, frame: frame.clone() });
    }

    pub(super) fn hand_out(
        &mut self,
        conn: ConnId,
        frame: Bytes,
        from: Option<Ticket>,
        now: Timestamp,
    ) {
        match self.take_space(conn, frame.len(), from, now) {
            Space::Taken => self.outputs.push_back(Output::Frame { to: conn, frame }),
            Space::Full => self.close(conn, CloseCode::SlowConsumer, now),
            Space::NoConnection => {}
        }
    }

    /// Counts bytes that are about to be handed out, if that many may wait.
    fn take_space(
        &mut self,
        conn: ConnId,
        bytes: usize,
        from: Option<Ticket>,
        now: Timestamp,
    ) -> Space {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return Space::NoConnection;
        };
        if connection.unsent.bytes() + bytes > self.config.max_unsent_bytes {
            return Space::Full;
        }
        connection.unsent.push(from, bytes, now);
        if !connection.unsent.is_watched {
            connection.unsent.is_watched = true;
            let room = connection.room;
            self.watch_reader(room, now);
        }
        Space::Taken
    }

    /// Updates the deadline of a room.
    pub(super) fn move_deadline(&mut self, room: RoomId) {
        if let Some(local) = self.rooms.get(&room) {
            self.deadlines.set(room, local.deadline(local.prune_at()));
        }
    }
}

/// Whether bytes may wait for a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Space {
    Taken,
    /// Too many would wait.
    Full,
    NoConnection,
}

/// What the sender of a refused message is told, beyond the code.
#[derive(Debug, Default)]
pub(super) struct RefusalDetails<'a> {
    /// The addressee of the message.
    pub(super) about: Option<Addressee>,
    pub(super) detail: Option<&'a str>,
    /// Whether trying again is of no use, unlike with most errors of this code.
    pub(super) is_final: bool,
    pub(super) retry_after: Option<Duration>,
    pub(super) req: Option<RequestId>,
}
