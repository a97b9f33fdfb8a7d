//! The way of a message out: encoded, numbered, handed out, accounted for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Hub;
use super::io::{CloseCode, Output};
use crate::error::ErrorCode;
use crate::ids::{ConnId, ParticipantId, RoomId};
use crate::message::{RequestId, ServerMessage};
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::wire;

impl Hub {
    /// Sends a message to a member; to one without a socket, when it comes back.
    pub(super) fn send(
        &mut self,
        room: RoomId,
        to: ParticipantId,
        message: &ServerMessage,
        now: Timestamp,
    ) {
        let Some(member) = self.rooms.get_mut(&room).and_then(|local| local.member_mut(to)) else {
            return;
        };
        let frame = wire::encode_server(message, member.protocol);
        member.record(&frame, &self.config.replay, now);
        let (conn, protocol) = (member.conn, member.protocol);
        if protocol == ProtocolVersion::V2 {
            self.kept(room, now);
        }
        if let Some(conn) = conn {
            self.hand_out(conn, frame, now);
        }
    }

    /// Sends a message to every member but one.
    pub(super) fn broadcast(
        &mut self,
        room: RoomId,
        message: &ServerMessage,
        except: Option<ParticipantId>,
        now: Timestamp,
    ) {
        let Some(local) = self.rooms.get(&room) else { return };
        let v1 = Arc::clone(&local.audience().v1);
        let except_conn = except.and_then(|id| local.member(id)?.conn);
        if !v1.is_empty() {
            let frame = wire::encode_server(message, ProtocolVersion::V1);
            self.hand_out_to_all(&v1, except_conn, &frame, now);
        }
        self.broadcast_v2(room, message, except, now);
    }

    /// Sends a message that v1 does not have to every other member that speaks v2.
    pub(super) fn broadcast_v2(
        &mut self,
        room: RoomId,
        message: &ServerMessage,
        except: Option<ParticipantId>,
        now: Timestamp,
    ) {
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let mut frame = None;
        for (id, member) in local.members_mut() {
            if member.protocol == ProtocolVersion::V2 && Some(id) != except {
                let frame =
                    frame.get_or_insert_with(|| wire::encode_server(message, ProtocolVersion::V2));
                member.record(frame, &self.config.replay, now);
            }
        }
        let Some(frame) = frame else { return };
        self.kept(room, now);
        let Some(local) = self.rooms.get(&room) else { return };
        let v2 = Arc::clone(&local.audience().v2);
        let except_conn = except.and_then(|id| local.member(id)?.conn);
        self.hand_out_to_all(&v2, except_conn, &frame, now);
    }

    /// Tells a participant that a message of its own was refused.
    pub(super) fn error(
        &mut self,
        room: RoomId,
        to: ParticipantId,
        code: ErrorCode,
        refused: Refused<'_>,
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
        let Refused { about, req, .. } = refused;
        self.send(room, to, &ServerMessage::Error { code, message, about, retry_after, req }, now);
    }

    fn hand_out_to_all(
        &mut self,
        to: &Arc<[ConnId]>,
        except: Option<ConnId>,
        frame: &Bytes,
        now: Timestamp,
    ) {
        if to.is_empty() || (to.len() == 1 && except == Some(to[0])) {
            return;
        }
        self.outputs.push_back(Output::Broadcast {
            to: Arc::clone(to),
            except,
            frame: frame.clone(),
        });
        for &conn in to.iter().filter(|conn| Some(**conn) != except) {
            self.account(conn, frame.len(), now);
        }
    }

    pub(super) fn hand_out(&mut self, conn: ConnId, frame: Bytes, now: Timestamp) {
        if !self.connections.contains_key(&conn) {
            return;
        }
        let bytes = frame.len();
        self.outputs.push_back(Output::Frame { to: conn, frame });
        self.account(conn, bytes, now);
    }

    /// Counts what was handed out; one frame may go over the limit, the next finds the connection closed.
    fn account(&mut self, conn: ConnId, bytes: usize, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.unsent_bytes += bytes;
        if connection.unsent_bytes > self.config.max_unsent_bytes {
            self.cut_off(conn, CloseCode::SlowConsumer, now);
        }
    }
}

/// A participant's message that was refused, as far as its sender is told.
#[derive(Debug, Default)]
pub(super) struct Refused<'a> {
    /// Whom it was for.
    pub(super) about: Option<ParticipantId>,
    pub(super) detail: Option<&'a str>,
    /// Whether the same will never work, though what fails with this code often works later.
    pub(super) is_final: bool,
    pub(super) retry_after: Option<Duration>,
    pub(super) req: Option<RequestId>,
}
