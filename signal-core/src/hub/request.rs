//! What a participant asks of the server, from its frame on.

use bytes::Bytes;

use super::Hub;
use super::budget::Excess;
use super::connection::{Connection, Phase};
use super::delivery::Refused;
use super::io::{CloseCode, Output};
use super::showing::Shown;
use crate::config::RateLimit;
use crate::error::ErrorCode;
use crate::ids::{ConnId, ParticipantId, RoomId};
use crate::message::{
    Audience, ClientMessage, IceServers, Payload, Request, RequestId, ServerMessage,
};
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::wire::{self, Problem};

/// The sender of a message, as its connection is known here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) conn: ConnId,
    pub(super) room: RoomId,
    pub(super) id: ParticipantId,
}

impl Hub {
    pub(super) fn frame(&mut self, conn: ConnId, frame: Bytes, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let room = connection.room;
        let held = match &mut connection.phase {
            Phase::Asking(held) => held,
            Phase::Entering(entering) if entering.lost.is_none() => &mut entering.held,
            Phase::Entering(_) | Phase::Leaving => return,
            Phase::Seated(id) => {
                let id = *id;
                return self.message(Sender { conn, room, id }, &frame, now);
            }
        };
        held.push(frame);
        if held.bytes() > self.config.max_held_bytes {
            self.cut_off(conn, CloseCode::RateLimited, now);
        }
    }

    fn message(&mut self, sender: Sender, frame: &Bytes, now: Timestamp) {
        let Some(local) = self.rooms.get_mut(&sender.room) else { return };
        let Some(member) = local.member_mut(sender.id) else { return };
        member.received += 1;
        let peers = local.record().map_or(0, |record| record.seats().len() - 1);
        if !self.pay(sender, None, now, |connection, limit| {
            connection.budget.pay_message(frame.len(), peers, limit, now)
        }) {
            return;
        }
        if frame.len() > self.config.max_frame_bytes {
            let detail = format!("at most {} bytes", self.config.max_frame_bytes);
            return self.bad_message(sender, ErrorCode::MessageTooLarge, Some(&detail), None, now);
        }
        let Some(connection) = self.connections.get(&sender.conn) else { return };
        match wire::decode_client(frame, connection.protocol) {
            Ok(request) => self.request(sender, request, frame.len(), now),
            Err(error) => {
                // Of the others the code says it all.
                let detail = match &error.problem {
                    Problem::Invalid(detail) => Some(detail.as_str()),
                    Problem::UnknownErrorCode(_) | Problem::UnknownPeer | Problem::UnknownType => {
                        None
                    }
                };
                self.bad_message(sender, error.code(), detail, error.req.clone(), now);
            }
        }
    }

    fn request(&mut self, sender: Sender, request: Request, bytes: usize, now: Timestamp) {
        let Request { message, req } = request;
        let Sender { conn, room, id } = sender;
        match message {
            ClientMessage::GetIceServers => {
                self.outputs.push_back(Output::IceServersWanted {
                    conn,
                    room,
                    participant: id,
                    req,
                });
            }
            ClientMessage::Leave => self.leave(conn, room, id),
            ClientMessage::Message { to, topic, data } => {
                if data.as_bytes().len() > self.config.max_data_bytes {
                    let detail =
                        format!("`data` may have at most {} bytes", self.config.max_data_bytes);
                    return self.bad_message(
                        sender,
                        ErrorCode::MessageTooLarge,
                        Some(&detail),
                        req,
                        now,
                    );
                }
                match to {
                    Audience::One(to) => self.message_one(sender, to, topic, data, req, now),
                    Audience::Room => {
                        if self.pay_for_all(sender, bytes, req.as_ref(), now) {
                            self.message_room(sender, topic, data, req, now);
                        }
                    }
                }
            }
            ClientMessage::Ping { t } => {
                self.send(room, id, &ServerMessage::Pong { t, server_time: now, req }, now);
            }
            ClientMessage::Signal { to, signal } => self.signal(sender, to, signal, req, now),
            ClientMessage::Update { name, state } => {
                self.update(sender, name, state, bytes, req, now)
            }
        }
    }

    fn update(
        &mut self,
        sender: Sender,
        name: Option<DisplayName>,
        state: Option<Payload>,
        bytes: usize,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let size = state.as_ref().map_or(0, |state| state.as_bytes().len());
        if size > self.config.max_state_bytes {
            let detail = format!("`state` may have at most {} bytes", self.config.max_state_bytes);
            return self.bad_message(sender, ErrorCode::MessageTooLarge, Some(&detail), req, now);
        }
        if !self.pay_for_all(sender, bytes, req.as_ref(), now) {
            return;
        }
        let state = state.map(|state| state.detach());
        if let Some(member) =
            self.rooms.get_mut(&sender.room).and_then(|local| local.member_mut(sender.id))
        {
            member.showing.want(Shown { name, state });
        }
        self.show(sender.room, sender.id);
    }

    pub(super) fn ice_servers(
        &mut self,
        conn: ConnId,
        ice: IceServers,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let Some(connection) = self.connections.get(&conn) else { return };
        if let (Phase::Seated(id), ProtocolVersion::V2) = (&connection.phase, connection.protocol) {
            let (room, id) = (connection.room, *id);
            self.send(room, id, &ServerMessage::IceServers { ice, req }, now);
        }
    }

    /// Charges a message that goes to everybody for each receiver; the first is paid for.
    fn pay_for_all(
        &mut self,
        sender: Sender,
        bytes: usize,
        req: Option<&RequestId>,
        now: Timestamp,
    ) -> bool {
        let record = self.rooms.get(&sender.room).and_then(|local| local.record());
        let more = record.map_or(0, |record| record.seats().len().saturating_sub(2));
        self.pay(sender, req, now, |connection, limit| {
            connection.budget.pay_bytes(bytes.saturating_mul(more), limit, now)
        })
    }

    fn pay(
        &mut self,
        sender: Sender,
        req: Option<&RequestId>,
        now: Timestamp,
        charge: impl FnOnce(&mut Connection, &RateLimit) -> Result<(), Excess>,
    ) -> bool {
        let Some(connection) = self.connections.get_mut(&sender.conn) else { return false };
        let Err(excess) = charge(connection, &self.config.rate) else { return true };
        match excess {
            Excess::Close => self.cut_off(sender.conn, CloseCode::RateLimited, now),
            Excess::Drop => self.outputs.push_back(Output::OverRate { conn: sender.conn }),
            Excess::Tell { retry_after } => {
                self.outputs.push_back(Output::OverRate { conn: sender.conn });
                let retry_after = Some(retry_after);
                let refused = Refused { retry_after, req: req.cloned(), ..Refused::default() };
                self.error(sender.room, sender.id, ErrorCode::RateLimited, refused, now);
            }
        }
        false
    }

    fn bad_message(
        &mut self,
        sender: Sender,
        code: ErrorCode,
        detail: Option<&str>,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let refused = Refused { detail, req, ..Refused::default() };
        self.error(sender.room, sender.id, code, refused, now);
        // An addressee that cannot exist is a matter of knowledge, not of form.
        let counts = matches!(
            code,
            ErrorCode::InvalidMessage | ErrorCode::MessageTooLarge | ErrorCode::UnknownType
        );
        let most = self.config.max_bad_messages;
        let connection = self.connections.get_mut(&sender.conn).filter(|_| counts);
        if connection.is_some_and(|connection| connection.count_bad_message(most, now)) {
            self.cut_off(sender.conn, CloseCode::BadMessages, now);
        }
    }
}
