//! Messages between the host and participants.

use std::sync::Arc;

use super::Hub;
use super::delivery::RefusalDetails;
use super::io::Output;
use super::member::Member;
use super::node_frame::{NodeBody, NodeFrame, NodeReceiver, NodeSender, SeatRef};
use super::relay::nodes_of;
use super::sender::Sender;
use crate::error::ErrorCode;
use crate::ids::{NodeId, ParticipantId, RoomId};
use crate::message::{
    Addressee, HostMessage, HostMessageRefusal, MessageToHost, RequestId, ServerMessage, Topic,
};
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::reason::CloseReason;
use crate::room::{Room, Status};
use crate::time::Timestamp;
use crate::wire;

impl Hub {
    /// Hands a participant's message to the host.
    pub(super) fn message_to_host(
        &mut self,
        sender: Sender,
        topic: Topic,
        data: Payload,
        req: Option<RequestId>,
    ) {
        let Sender { conn, room, id: participant, ticket } = sender;
        let Some(record) = self.rooms.get(&room).and_then(|local| local.record()) else { return };
        let epoch = record.epoch();
        let seat = record.seat(participant);
        let identity = seat.map(|seat| Arc::clone(&seat.identity)).unwrap_or_default();
        let message =
            MessageToHost { conn, room, epoch, participant, ticket, identity, topic, data, req };
        self.outputs.push_back(Output::ToHost(message));
    }

    /// Tells a participant that the host refuses its message, over whichever socket it has by now.
    /// Nobody in a later room with the same id is told, whatever ticket it has.
    pub(super) fn host_refuses(&mut self, message: MessageToHost, code: ErrorCode, now: Timestamp) {
        let MessageToHost { room, epoch, ticket, req, .. } = message;
        let Some(local) = self.rooms.get(&room) else { return };
        if local.record().is_none_or(|record| record.epoch() != epoch) {
            return;
        }
        let sender = local.members().find(|(_, member)| member.ticket == ticket);
        if let Some((id, Member { protocol: ProtocolVersion::V2, .. })) = sender {
            let about = Some(Addressee::Host);
            let refused = RefusalDetails { about, req, ..RefusalDetails::default() };
            self.error(room, id, code, refused, now);
        }
    }

    /// Sends a message of the host to each node that serves one of its receivers.
    pub(super) fn host_message(
        &mut self,
        record: &Arc<Room>,
        message: HostMessage,
        now: Timestamp,
    ) {
        let room = record.id();
        let seen = self.rooms.get(&room).and_then(|local| local.record());
        let is_newer =
            |seen: &&Arc<Room>| seen.epoch() == record.epoch() && seen.version() > record.version();
        let record = Arc::clone(seen.filter(is_newer).unwrap_or(record));
        let HostMessage { to, topic, data, req } = message;
        let (to, nodes) = match self.address(&record, to, &data) {
            Ok(address) => address,
            Err(code) => {
                let refusal = HostMessageRefusal { room, participant: to, code, req };
                return self.outputs.push_back(Output::HostMessageRefused(refusal));
            }
        };
        let (epoch, version) = (record.epoch(), record.version());
        let body = NodeBody::Message { topic, data };
        let frame = NodeFrame { room, epoch, version, from: NodeSender::Host, to, body, req };
        for node in nodes {
            let frame = frame.clone();
            if node == self.node {
                self.node_frame(node, frame, now);
            } else {
                self.outputs.push_back(Output::ToNode { node, frame });
            }
        }
    }

    /// The receivers of a message of the host, and the nodes that serve them.
    fn address(
        &self,
        record: &Room,
        to: Option<ParticipantId>,
        data: &Payload,
    ) -> Result<(NodeReceiver, Vec<NodeId>), ErrorCode> {
        match record.status() {
            Status::Closed(CloseReason::Expired) => return Err(ErrorCode::RoomExpired),
            Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
                return Err(ErrorCode::RoomClosed);
            }
            Status::Open => {}
        }
        if data.as_bytes().len() > self.config.max_data_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        let Some(to) = to else { return Ok((NodeReceiver::Room, nodes_of(record, None))) };
        let seat = record.seat(to).ok_or(ErrorCode::PeerNotFound)?;
        match seat.protocol {
            ProtocolVersion::V1 => Err(ErrorCode::PeerUnreachable),
            ProtocolVersion::V2 => {
                let receiver = SeatRef { id: to, generation: seat.generation };
                Ok((NodeReceiver::Seat(receiver), vec![seat.attachment.node]))
            }
        }
    }

    /// Delivers a message of the host to its receivers on this node. A receiver without space for
    /// it does not get it, and the host is told.
    pub(super) fn deliver_from_host(&mut self, node: NodeId, frame: &NodeFrame, now: Timestamp) {
        let NodeBody::Message { topic, data } = &frame.body else { return };
        let room = frame.room;
        let message = ServerMessage::HostMessage { topic: topic.clone(), data: data.clone() };
        let bytes = wire::encode_server(&message, ProtocolVersion::V2).len();
        let code = ErrorCode::RateLimited;
        match frame.to {
            NodeReceiver::Host => {}
            NodeReceiver::Seat(to) if self.has_no_room(room, to.id, bytes) => {
                self.answer(node, frame, NodeSender::Seat(to), code, now);
            }
            NodeReceiver::Seat(to) => self.send(room, to.id, &message, now),
            NodeReceiver::Room => {
                let Some(local) = self.rooms.get(&room) else { return };
                let full = local.members().map(|(id, _)| id);
                let full: Vec<_> = full.filter(|id| self.has_no_room(room, *id, bytes)).collect();
                self.broadcast_except(room, &message, None, &full, now);
                self.hold_for_attaching(node, frame, now);
                for id in full {
                    let Some(skipped) = self.seat_ref(room, id) else { continue };
                    self.answer(node, frame, NodeSender::Seat(skipped), code, now);
                }
            }
        }
    }

    /// Tells the host that its message was refused.
    pub(super) fn refused_to_host(&mut self, frame: &NodeFrame) {
        let NodeBody::Refused { code, .. } = frame.body else { return };
        let participant = frame.from.seat().map(|seat| seat.id);
        let refusal =
            HostMessageRefusal { room: frame.room, participant, code, req: frame.req.clone() };
        self.outputs.push_back(Output::HostMessageRefused(refusal));
    }

    /// Whether the space that is left for a member is reserved for messages of the hub itself.
    fn has_no_room(&self, room: RoomId, id: ParticipantId, bytes: usize) -> bool {
        let most = self.config.flood.max_relayed_bytes.min(self.config.max_unsent_bytes);
        let member = self.rooms.get(&room).and_then(|local| local.member(id));
        let Some(member) = member.filter(|member| member.protocol == ProtocolVersion::V2) else {
            return false;
        };
        let connection = member.conn.and_then(|conn| self.connections.get(&conn));
        connection.is_some_and(|connection| connection.unsent.bytes() + bytes > most)
    }
}
