//! Messages that come by way of another node, and messages that have to wait.
//!
//! What a message goes by is named in its [`NodeFrame`]. It waits until this node has seen that record and has welcomed
//! the addressee. What the same sender says to the same addressee later goes by the same record or a newer one, so it
//! waits as well and keeps its place.

use std::mem;

use super::Hub;
use super::connection::Phase;
use super::delivery::Refused;
use super::io::Output;
use super::negotiation::Verdict;
use super::node_frame::{NodeBody, NodeFrame, SeatRef};
use super::request::Sender;
use crate::error::ErrorCode;
use crate::ids::{NodeId, ParticipantId, RoomId};
use crate::message::{RequestId, ServerMessage, SignalKind};
use crate::protocol::ProtocolVersion;
use crate::room::Seat;
use crate::time::Timestamp;

/// What can be done with a frame.
enum Readiness {
    /// Nothing: it is addressed to or comes from a seat that has lost messages since, which both sides were told.
    Dropped,
    /// Deliver it.
    Now,
    /// Wait.
    Later,
    /// Tell its sender that it cannot be delivered.
    Never(ErrorCode),
}

impl Hub {
    pub(super) fn node_frame(&mut self, node: NodeId, frame: NodeFrame, now: Timestamp) {
        match self.readiness(&frame) {
            Readiness::Dropped => {}
            Readiness::Now => self.deliver(node, frame, now),
            Readiness::Later => self.hold_frame(node, frame, now),
            Readiness::Never(code) => self.bounce(node, &frame, code, now),
        }
    }

    fn readiness(&self, frame: &NodeFrame) -> Readiness {
        let Some(local) = self.rooms.get(&frame.room) else {
            return Readiness::Never(ErrorCode::PeerUnreachable);
        };
        let Some(record) = local.record() else { return Readiness::Later };
        if record.epoch() != frame.epoch {
            return Readiness::Never(ErrorCode::PeerNotFound);
        }
        if record.version() < frame.version {
            return Readiness::Later;
        }
        let is_refusal = matches!(frame.body, NodeBody::Refused { .. });
        let sender = record.seat(frame.from.id);
        if !is_refusal && sender.is_none_or(|seat| seat.generation != frame.from.generation) {
            return Readiness::Dropped;
        }
        let Some(to) = frame.to else { return Readiness::Now };
        let Some(seat) = record.seat(to.id) else {
            return Readiness::Never(ErrorCode::PeerNotFound);
        };
        if seat.generation != to.generation {
            return Readiness::Dropped;
        }
        if seat.attachment.node != self.node {
            return Readiness::Never(ErrorCode::PeerUnreachable);
        }
        match local.member(to.id) {
            Some(_) => Readiness::Now,
            None if self.is_entering(seat) => Readiness::Later,
            None => Readiness::Never(ErrorCode::PeerUnreachable),
        }
    }

    pub(super) fn deliver(&mut self, node: NodeId, frame: NodeFrame, now: Timestamp) {
        let (room, from) = (frame.room, frame.from.id);
        match (&frame.body, frame.to) {
            (NodeBody::Message { topic, data }, to) => {
                let message =
                    ServerMessage::Message { from, topic: topic.clone(), data: data.clone() };
                match to {
                    Some(to) => self.send(room, to.id, &message, now),
                    None => {
                        self.broadcast_v2(room, &message, Some(from), now);
                        self.hold_for_entering(node, &frame, now);
                    }
                }
            }
            (NodeBody::Refused { code, kind }, Some(to)) => {
                if *kind == Some(SignalKind::Offer) && *code != ErrorCode::OfferConflict {
                    self.withdraw_offer(room, to.id, from);
                }
                let about = Some(from).filter(|from| *from != to.id);
                let refused = Refused { about, req: frame.req, ..Refused::default() };
                self.error(room, to.id, *code, refused, now);
            }
            (NodeBody::Signal(signal), Some(to)) => {
                // The other node has judged what comes from the smaller id.
                let is_judged = node != self.node && from < to.id;
                let verdict = if is_judged {
                    Verdict::Forward
                } else {
                    self.judge(room, from, to.id, signal, now)
                };
                match verdict {
                    Verdict::Conflict => self.bounce(node, &frame, ErrorCode::OfferConflict, now),
                    Verdict::Drop => {}
                    Verdict::Forward => {
                        let message = ServerMessage::Signal { from, signal: signal.clone() };
                        self.send(room, to.id, &message, now);
                    }
                }
            }
            (NodeBody::Refused { .. } | NodeBody::Signal(_), None) => {}
        }
    }

    /// Tells the sender of a frame that it was refused: in the name of its addressee, or in its own if it was for
    /// everybody.
    fn bounce(&mut self, node: NodeId, frame: &NodeFrame, code: ErrorCode, now: Timestamp) {
        let kind = match &frame.body {
            NodeBody::Message { .. } => None,
            NodeBody::Refused { .. } => return,
            NodeBody::Signal(signal) => Some(signal.kind),
        };
        let body = NodeBody::Refused { code, kind };
        let from = frame.to.unwrap_or(frame.from);
        let answer = NodeFrame { from, to: Some(frame.from), body, ..frame.clone() };
        if node == self.node {
            self.deliver(node, answer, now);
        } else {
            self.outputs.push_back(Output::ToNode { node, frame: answer });
        }
    }

    pub(super) fn undelivered(&mut self, frame: &NodeFrame, now: Timestamp) {
        self.bounce(self.node, frame, ErrorCode::PeerUnreachable, now);
    }

    /// An offer that never arrived refuses nobody.
    fn withdraw_offer(&mut self, room: RoomId, from: ParticipantId, to: ParticipantId) {
        if let Some(local) = self.rooms.get_mut(&room) {
            local.negotiation(from, to).withdraw(from, to);
        }
    }

    /// Whether a message to that seat of this node has to wait: it is still to be welcomed.
    pub(super) fn has_to_wait(&self, room: RoomId, to: ParticipantId) -> bool {
        self.rooms.get(&room).is_none_or(|local| local.member(to).is_none())
    }

    pub(super) fn hold(
        &mut self,
        sender: Sender,
        to: ParticipantId,
        body: NodeBody,
        req: Option<RequestId>,
        now: Timestamp,
    ) {
        if let Some(frame) = self.address(sender, Some(to), body, req) {
            self.hold_frame(self.node, frame, now);
        }
    }

    fn hold_frame(&mut self, node: NodeId, frame: NodeFrame, now: Timestamp) {
        let size = frame.size();
        let most = self.config.max_held_bytes;
        match self.rooms.get_mut(&frame.room) {
            Some(local) if local.held_bytes + size <= most => {
                local.held_bytes += size;
                local.held.push_back((node, frame));
            }
            Some(_) | None => self.bounce(node, &frame, ErrorCode::PeerUnreachable, now),
        }
    }

    /// Keeps a message to everybody for those who are still to be welcomed: the others know of them already.
    fn hold_for_entering(&mut self, node: NodeId, frame: &NodeFrame, now: Timestamp) {
        let Some(local) = self.rooms.get(&frame.room) else { return };
        let seats = local.record().map_or(&[][..], |record| record.seats());
        let entering = seats.iter().filter(|seat| {
            let is_here = seat.attachment.node == self.node && seat.protocol == ProtocolVersion::V2;
            is_here && local.member(seat.id).is_none() && self.is_entering(seat)
        });
        let entering = entering.map(|seat| SeatRef { id: seat.id, generation: seat.generation });
        for to in entering.collect::<Vec<_>>() {
            self.hold_frame(node, NodeFrame { to: Some(to), ..frame.clone() }, now);
        }
    }

    /// Goes through what waits, after something has changed that it may have waited for.
    pub(super) fn release_held(&mut self, room: RoomId, now: Timestamp) {
        let Some(local) = self.rooms.get_mut(&room) else { return };
        if local.held.is_empty() {
            return;
        }
        local.held_bytes = 0;
        for (node, frame) in mem::take(&mut local.held) {
            self.node_frame(node, frame, now);
        }
    }

    /// Whether the connection that holds a seat is still to be told so.
    pub(super) fn is_entering(&self, seat: &Seat) -> bool {
        self.connections
            .get(&seat.attachment.conn)
            .is_some_and(|connection| matches!(connection.phase, Phase::Entering(_)))
    }
}
