//! Messages between participants: to one of this node, or by way of another node.
//!
//! The node that serves the smaller id of a pair judges every message of the pair, so that both sides meet one order.

use super::Hub;
use super::delivery::Refused;
use super::io::Output;
use super::negotiation::Verdict;
use super::node_frame::{NodeBody, NodeFrame, SeatRef};
use super::request::Sender;
use crate::error::ErrorCode;
use crate::ids::{NodeId, ParticipantId, RoomId};
use crate::message::{Payload, RequestId, ServerMessage, Signal, Topic};
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;

impl Hub {
    /// A description or candidate of a participant of this node.
    pub(super) fn signal(
        &mut self,
        sender: Sender,
        to: ParticipantId,
        signal: Signal,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let Sender { room, id: from, .. } = sender;
        let node = match self.locate(sender, to) {
            Ok(node) => node,
            Err(code) => {
                let refused = Refused { about: Some(to), req, ..Refused::default() };
                return self.error(room, from, code, refused, now);
            }
        };
        let is_here = node == self.node;
        // A message that is going to wait is judged when it is delivered.
        if is_here && self.has_to_wait(room, to) {
            return self.hold(sender, to, NodeBody::Signal(signal), req, now);
        }
        if is_here || from < to {
            match self.judge(room, from, to, &signal, now) {
                Verdict::Conflict => {
                    let refused = Refused { about: Some(to), req, ..Refused::default() };
                    return self.error(room, from, ErrorCode::OfferConflict, refused, now);
                }
                Verdict::Drop => return,
                Verdict::Forward => {}
            }
        }
        if is_here {
            self.send(room, to, &ServerMessage::Signal { from, signal }, now);
        } else {
            self.send_to_node(node, sender, Some(to), NodeBody::Signal(signal), req);
        }
    }

    /// A message of the application to one participant.
    pub(super) fn message_one(
        &mut self,
        sender: Sender,
        to: ParticipantId,
        topic: Topic,
        data: Payload,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let Sender { room, id: from, .. } = sender;
        match self.locate(sender, to) {
            Err(code) => {
                let refused = Refused { about: Some(to), req, ..Refused::default() };
                self.error(room, from, code, refused, now);
            }
            Ok(_) if self.speaks_v1(room, to) => {
                let detail = Some("it speaks v1, which has no `message`");
                let refused =
                    Refused { about: Some(to), detail, is_final: true, req, ..Refused::default() };
                self.error(room, from, ErrorCode::PeerUnreachable, refused, now);
            }
            Ok(node) if node != self.node => {
                self.send_to_node(node, sender, Some(to), NodeBody::Message { topic, data }, req);
            }
            Ok(_) if self.has_to_wait(room, to) => {
                self.hold(sender, to, NodeBody::Message { topic, data }, req, now);
            }
            Ok(_) => self.send(room, to, &ServerMessage::Message { from, topic, data }, now),
        }
    }

    /// A message of the application to everybody else.
    pub(super) fn message_room(
        &mut self,
        sender: Sender,
        topic: Topic,
        data: Payload,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let body = NodeBody::Message { topic, data };
        let Some(frame) = self.address(sender, None, body, req) else { return };
        for node in self.other_nodes(sender.room) {
            self.outputs.push_back(Output::ToNode { node, frame: frame.clone() });
        }
        self.deliver(self.node, frame, now);
    }

    /// Finds out which node serves the addressee.
    fn locate(&self, sender: Sender, to: ParticipantId) -> Result<NodeId, ErrorCode> {
        if to == sender.id {
            return Err(ErrorCode::SelfTarget);
        }
        let local = self.rooms.get(&sender.room).ok_or(ErrorCode::PeerNotFound)?;
        let seat =
            local.record().and_then(|record| record.seat(to)).ok_or(ErrorCode::PeerNotFound)?;
        // Its socket is gone and the store has not said so yet.
        let is_gone = seat.attachment.node == self.node
            && local.member(to).is_none()
            && !self.is_entering(seat);
        if is_gone { Err(ErrorCode::PeerUnreachable) } else { Ok(seat.attachment.node) }
    }

    fn speaks_v1(&self, room: RoomId, id: ParticipantId) -> bool {
        let seat = self.rooms.get(&room).and_then(|local| local.record()?.seat(id));
        seat.is_some_and(|seat| seat.protocol == ProtocolVersion::V1)
    }

    pub(super) fn judge(
        &mut self,
        room: RoomId,
        from: ParticipantId,
        to: ParticipantId,
        signal: &Signal,
        now: Timestamp,
    ) -> Verdict {
        let Some(local) = self.rooms.get_mut(&room) else { return Verdict::Drop };
        local.negotiation(from, to).judge(from, to, signal, self.config.offer_patience, now)
    }

    fn other_nodes(&self, room: RoomId) -> Vec<NodeId> {
        let record = self.rooms.get(&room).and_then(|local| local.record());
        let seats = record.map_or(&[][..], |record| record.seats());
        let v2 = seats.iter().filter(|seat| seat.protocol == ProtocolVersion::V2);
        let mut nodes: Vec<_> =
            v2.map(|seat| seat.attachment.node).filter(|node| *node != self.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn send_to_node(
        &mut self,
        node: NodeId,
        sender: Sender,
        to: Option<ParticipantId>,
        body: NodeBody,
        req: Option<RequestId>,
    ) {
        if let Some(frame) = self.address(sender, to, body, req) {
            self.outputs.push_back(Output::ToNode { node, frame });
        }
    }

    /// Names the record that a message goes by, and the seats it is between.
    pub(super) fn address(
        &self,
        sender: Sender,
        to: Option<ParticipantId>,
        body: NodeBody,
        req: Option<RequestId>,
    ) -> Option<NodeFrame> {
        let local = self.rooms.get(&sender.room)?;
        let record = local.record()?;
        let address = |id| record.seat(id).map(|seat| SeatRef { id, generation: seat.generation });
        let to = match to {
            Some(to) => Some(address(to)?),
            None => None,
        };
        let from = address(sender.id)?;
        let (epoch, version) = (record.epoch(), record.version());
        Some(NodeFrame { room: sender.room, epoch, version, from, to, body, req })
    }
}
