//! Messages from one participant to another, on this node or on another.
//!
//! The node that serves the smaller id of a pair judges every signal of the pair, so that one node
//! sees them all in one order.

use super::Hub;
use super::delivery::RefusalDetails;
use super::io::Output;
use super::local_room::Route;
use super::negotiation::Decision;
use super::node_frame::{NodeBody, NodeFrame, NodeReceiver, NodeSender, SeatRef};
use super::sender::Sender;
use crate::error::ErrorCode;
use crate::ids::{NodeId, ParticipantId};
use crate::message::{RequestId, ServerMessage, Signal, Topic};
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::room::Room;
use crate::time::Timestamp;

impl Hub {
    /// Passes on a session description or ICE candidate.
    pub(super) fn signal(
        &mut self,
        sender: Sender,
        to: ParticipantId,
        signal: Signal,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let Sender { room, id: from, ticket, .. } = sender;
        let patience = self.config.offer_patience;
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let others = local.others();
        let mut route = local.route(from, to, self.node, &self.connections);
        let decision = match &mut route {
            Route::Here(receiver) => {
                let is_flooded =
                    receiver.refuses(ticket, others, &self.connections, &self.config.flood);
                receiver.negotiations.judge(from, to, &signal, is_flooded, patience, now)
            }
            Route::Node { negotiations, .. } if from < to => {
                negotiations.judge(from, to, &signal, false, patience, now)
            }
            // The other node judges it, or this one when it is delivered.
            Route::Node { .. } | Route::Held | Route::Gone(_) => Decision::Forward,
        };
        match decision {
            Decision::Conflict => {
                return self.refuse_message(sender, to, ErrorCode::OfferConflict, req, now);
            }
            Decision::Drop => return,
            Decision::Flooded => {
                return self.refuse_message(sender, to, ErrorCode::RateLimited, req, now);
            }
            Decision::Forward => {}
        }
        match route {
            Route::Here(receiver) => {
                let message = ServerMessage::Signal { from, signal };
                let outgoing = receiver.write(&message, &self.config.replay, now);
                self.dispatch(room, outgoing, Some(ticket), now);
            }
            Route::Held => self.hold(sender, to, NodeBody::Signal(signal), req, now),
            Route::Node { node, .. } => {
                self.send_to_node(node, sender, to, NodeBody::Signal(signal), req);
            }
            Route::Gone(code) => self.refuse_message(sender, to, code, req, now),
        }
    }

    /// Passes on an application message to one participant.
    pub(super) fn message_to_one(
        &mut self,
        sender: Sender,
        to: ParticipantId,
        topic: Topic,
        data: Payload,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let Sender { room, id: from, ticket, .. } = sender;
        let Some(local) = self.rooms.get_mut(&room) else { return };
        let (is_v1, others) = (local.speaks_v1(to), local.others());
        match local.route(from, to, self.node, &self.connections) {
            Route::Gone(code) => self.refuse_message(sender, to, code, req, now),
            Route::Here(_) | Route::Held | Route::Node { .. } if is_v1 => {
                let detail = Some("it speaks v1, which has no `message`");
                let about = Some(to.into());
                let refused = RefusalDetails {
                    about,
                    detail,
                    is_final: true,
                    req,
                    ..RefusalDetails::default()
                };
                self.error(room, from, ErrorCode::PeerUnreachable, refused, now);
            }
            Route::Here(receiver)
                if receiver.refuses(ticket, others, &self.connections, &self.config.flood) =>
            {
                self.refuse_message(sender, to, ErrorCode::RateLimited, req, now);
            }
            Route::Here(receiver) => {
                let message = ServerMessage::Message { from, topic, data };
                let outgoing = receiver.write(&message, &self.config.replay, now);
                self.dispatch(room, outgoing, Some(ticket), now);
            }
            Route::Held => self.hold(sender, to, NodeBody::Message { topic, data }, req, now),
            Route::Node { node, .. } => {
                self.send_to_node(node, sender, to, NodeBody::Message { topic, data }, req);
            }
        }
    }

    /// Passes on an application message to everybody else in the room.
    pub(super) fn message_to_room(
        &mut self,
        sender: Sender,
        topic: Topic,
        data: Payload,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let body = NodeBody::Message { topic, data };
        let Some(frame) = self.make_node_frame(sender, None, body, req) else { return };
        let record = self.rooms.get(&sender.room).and_then(|local| local.record());
        for node in record.map_or_else(Vec::new, |record| nodes_of(record, Some(self.node))) {
            self.outputs.push_back(Output::ToNode { node, frame: frame.clone() });
        }
        self.deliver(self.node, frame, now);
    }

    fn refuse_message(
        &mut self,
        sender: Sender,
        to: ParticipantId,
        code: ErrorCode,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        let refused = RefusalDetails { about: Some(to.into()), req, ..RefusalDetails::default() };
        self.error(sender.room, sender.id, code, refused, now);
    }

    fn send_to_node(
        &mut self,
        node: NodeId,
        sender: Sender,
        to: ParticipantId,
        body: NodeBody,
        req: Option<RequestId>,
    ) {
        if let Some(frame) = self.make_node_frame(sender, Some(to), body, req) {
            self.outputs.push_back(Output::ToNode { node, frame });
        }
    }

    fn hold(
        &mut self,
        sender: Sender,
        to: ParticipantId,
        body: NodeBody,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        if let Some(frame) = self.make_node_frame(sender, Some(to), body, req) {
            self.hold_frame(self.node, frame, now);
        }
    }

    /// Addresses a message: names the newest record, and the seats that the message is between.
    fn make_node_frame(
        &self,
        sender: Sender,
        to: Option<ParticipantId>,
        body: NodeBody,
        req: Option<RequestId>,
    ) -> Option<NodeFrame> {
        let record = self.rooms.get(&sender.room)?.record()?;
        let seat_ref = |id| record.seat(id).map(|seat| SeatRef { id, generation: seat.generation });
        let to = match to {
            Some(to) => NodeReceiver::Seat(seat_ref(to)?),
            None => NodeReceiver::Room,
        };
        let from = NodeSender::Seat(seat_ref(sender.id)?);
        let (epoch, version) = (record.epoch(), record.version());
        Some(NodeFrame { room: sender.room, epoch, version, from, to, body, req })
    }
}

/// The nodes that serve somebody who speaks v2, except one.
pub(super) fn nodes_of(record: &Room, except: Option<NodeId>) -> Vec<NodeId> {
    let v2 = record.seats().iter().filter(|seat| seat.protocol == ProtocolVersion::V2);
    let nodes = v2.map(|seat| seat.attachment.node);
    let mut nodes: Vec<_> = nodes.filter(|node| Some(*node) != except).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
