//! The requests of participants: charges each frame, and handles each kind of message.

use super::Hub;
use super::budget::OverLimit;
use super::connection::Phase;
use super::delivery::RefusalDetails;
use super::frame::{ClientFrame, Malformed};
use super::io::Output;
use super::profile::Profile;
use super::sender::Sender;
use crate::close_code::CloseCode;
use crate::error::ErrorCode;
use crate::ice::IceServers;
use crate::ids::ConnId;
use crate::message::{Addressee, Audience, ClientMessage, Request, RequestId, ServerMessage};
use crate::name::DisplayName;
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::wire::Problem;

impl Hub {
    pub(super) fn frame(&mut self, conn: ConnId, frame: ClientFrame, now: Timestamp) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let backlog = match &mut connection.phase {
            Phase::Authorizing(backlog) => backlog,
            Phase::Attaching(attaching) if attaching.lost.is_none() => &mut attaching.backlog,
            Phase::Attaching(_) | Phase::Leaving => return,
            Phase::Seated(id) => {
                let (room, id) = (connection.room, *id);
                let Some(local) = self.rooms.get_mut(&room) else { return };
                let others = local.others();
                let Some(member) = local.member_mut(id) else { return };
                member.received += 1;
                let sender = Sender { conn, room, id, ticket: member.ticket };
                // Charged before anything is done about it: a message that fails is not free.
                let charge = frame.charge(others, &self.config);
                return match member.account.budget.pay(charge, others, &self.config.rate, now) {
                    Ok(()) => self.message(sender, frame, now),
                    Err(over) => self.over_limit(sender, over, frame.req(), now),
                };
            }
        };
        backlog.push(frame);
        if backlog.bytes() > self.config.max_held_bytes {
            self.close(conn, CloseCode::RateLimited, now);
        }
    }

    fn message(&mut self, sender: Sender, frame: ClientFrame, now: Timestamp) {
        match frame.content {
            Ok(request) => self.request(sender, request, now),
            Err(Malformed::TooLong) => {
                let detail = format!("at most {} bytes", self.config.max_frame_bytes);
                self.too_large(sender, &detail, None, now);
            }
            Err(Malformed::Undecodable(error)) => {
                let code = error.code();
                // For the other problems the code says everything.
                let detail = match &error.problem {
                    Problem::Invalid(detail) => Some(detail.as_str()),
                    Problem::UnknownErrorCode(_) | Problem::UnknownPeer | Problem::UnknownType => {
                        None
                    }
                };
                self.bad_message(sender, code, detail, error.req, now);
            }
        }
    }

    fn request(&mut self, sender: Sender, request: Request, now: Timestamp) {
        let Request { message, req } = request;
        let Sender { conn, room, id: participant, .. } = sender;
        match message {
            ClientMessage::GetIceServers => {
                self.outputs.push_back(Output::IceServersWanted { conn, room, participant, req });
            }
            ClientMessage::Leave => self.leave(conn, room, participant),
            ClientMessage::Message { to, topic, data } => {
                if !self.permissions(sender).message {
                    let about = match to {
                        Audience::Host => Some(Addressee::Host),
                        Audience::One(to) => Some(to.into()),
                        Audience::Room => None,
                    };
                    return self.forbid(sender, "message", about, req, now);
                }
                let most = self.config.max_data_bytes;
                if data.as_bytes().len() > most {
                    let detail = format!("`data` may have at most {most} bytes");
                    return self.too_large(sender, &detail, req, now);
                }
                match to {
                    Audience::Host => self.message_to_host(sender, topic, data, req),
                    Audience::One(to) => self.message_to_one(sender, to, topic, data, req, now),
                    Audience::Room => self.message_to_room(sender, topic, data, req, now),
                }
            }
            ClientMessage::Moderate(moderation) => self.moderate(sender, moderation, req, now),
            ClientMessage::Ping { t } => {
                let pong = ServerMessage::Pong { t, server_time: now, req };
                self.send(room, participant, &pong, now);
            }
            ClientMessage::Signal { to, signal } => self.signal(sender, to, signal, req, now),
            ClientMessage::Update { name, state } => {
                self.update(sender, name, state, req, now);
            }
        }
    }

    fn update(
        &mut self,
        sender: Sender,
        name: Option<DisplayName>,
        state: Option<Payload>,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        if !self.permissions(sender).update {
            return self.forbid(sender, "update", None, req, now);
        }
        let most = self.config.max_state_bytes;
        if state.as_ref().is_some_and(|state| state.as_bytes().len() > most) {
            let detail = format!("`state` may have at most {most} bytes");
            return self.too_large(sender, &detail, req, now);
        }
        let state = state.map(|state| state.detach());
        if let Some(member) =
            self.rooms.get_mut(&sender.room).and_then(|local| local.member_mut(sender.id))
        {
            member.profile.want(Profile { name, state, req });
        }
        self.update_profile(sender.room, sender.id);
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

    /// Tells a participant that the host refuses its request, which may be a message to the host.
    pub(super) fn request_refused(
        &mut self,
        conn: ConnId,
        code: ErrorCode,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let Some(connection) = self.connections.get(&conn) else { return };
        if let (Some((room, id)), ProtocolVersion::V2) = (connection.seat(), connection.protocol) {
            let refused = RefusalDetails { req, ..RefusalDetails::default() };
            self.error(room, id, code, refused, now);
        }
    }

    fn over_limit(
        &mut self,
        sender: Sender,
        over: OverLimit,
        req: Option<&RequestId>,
        now: Timestamp,
    ) {
        match over {
            OverLimit::Close => self.close(sender.conn, CloseCode::RateLimited, now),
            OverLimit::Drop => self.outputs.push_back(Output::OverRate { conn: sender.conn }),
            OverLimit::Tell { retry_after } => {
                self.outputs.push_back(Output::OverRate { conn: sender.conn });
                let retry_after = Some(retry_after);
                let refused =
                    RefusalDetails { retry_after, req: req.cloned(), ..RefusalDetails::default() };
                self.error(sender.room, sender.id, ErrorCode::RateLimited, refused, now);
            }
        }
    }

    fn too_large(&mut self, sender: Sender, detail: &str, req: Option<RequestId>, now: Timestamp) {
        self.bad_message(sender, ErrorCode::MessageTooLarge, Some(detail), req, now);
    }

    fn bad_message(
        &mut self,
        sender: Sender,
        code: ErrorCode,
        detail: Option<&str>,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let refused = RefusalDetails { detail, req, ..RefusalDetails::default() };
        self.error(sender.room, sender.id, code, refused, now);
        // An addressee that cannot exist does not count: the id may come from a newer or older
        // server, and is no sign of a broken client.
        let counts = matches!(
            code,
            ErrorCode::InvalidMessage | ErrorCode::MessageTooLarge | ErrorCode::UnknownType
        );
        let most = self.config.max_bad_messages;
        let local = self.rooms.get_mut(&sender.room).filter(|_| counts);
        let member = local.and_then(|local| local.member_mut(sender.id));
        if member.is_some_and(|member| member.account.count_bad_message(most, now)) {
            self.close(sender.conn, CloseCode::BadMessages, now);
        }
    }
}
