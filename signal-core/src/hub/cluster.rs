//! Messages from other nodes, and messages that have to wait.
//!
//! A [`NodeFrame`] names the record that its sender knew. It waits until this node has seen that
//! record and has sent `joined` to the addressee. Later messages of the same sender to the same
//! addressee name the same record or a newer one, so they wait too, and the order is kept.

use std::collections::VecDeque;
use std::mem;

use super::Hub;
use super::connection::Connection;
use super::delivery::RefusalDetails;
use super::io::Output;
use super::negotiation::Decision;
use super::node_frame::{NodeBody, NodeFrame, NodeReceiver, NodeSender, SeatRef};
use crate::error::ErrorCode;
use crate::ids::{NodeId, ParticipantId, RoomId, Ticket};
use crate::message::{Addressee, ServerMessage, SignalKind};
use crate::protocol::ProtocolVersion;
use crate::room::Seat;
use crate::time::Timestamp;

/// What to do with a frame.
enum Readiness {
    /// Drop it: the sender or the addressee has lost messages since, and both sides know.
    Dropped,
    /// Deliver it now.
    Now,
    /// Hold it until a newer record or a `joined`.
    Later,
    /// Tell the sender why it cannot be delivered.
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
        // This needs no participant on this node.
        if frame.to == NodeReceiver::Host {
            return Readiness::Now;
        }
        let Some(local) = self.rooms.get(&frame.room) else {
            return Readiness::Never(ErrorCode::PeerUnreachable);
        };
        let Some(record) = local.record() else { return Readiness::Later };
        // The versions go on in a later room with the same id, so this comes before its epoch.
        if record.version() < frame.version {
            return Readiness::Later;
        }
        if record.epoch() != frame.epoch {
            return Readiness::Never(ErrorCode::PeerNotFound);
        }
        let is_refusal = matches!(frame.body, NodeBody::Refused { .. });
        if let NodeSender::Seat(from) = frame.from
            && !is_refusal
            && record.seat(from.id).is_none_or(|seat| seat.generation != from.generation)
        {
            return Readiness::Dropped;
        }
        let NodeReceiver::Seat(to) = frame.to else { return Readiness::Now };
        let Some(seat) = record.seat(to.id) else {
            return Readiness::Never(ErrorCode::PeerNotFound);
        };
        // A message of the host does not depend on earlier ones, so it is delivered after a loss
        // too.
        if seat.generation != to.generation && frame.from != NodeSender::Host {
            return Readiness::Dropped;
        }
        if seat.attachment.node != self.node {
            return Readiness::Never(ErrorCode::PeerUnreachable);
        }
        match local.member(to.id) {
            Some(_) => Readiness::Now,
            None if self.is_attaching(seat) => Readiness::Later,
            None => Readiness::Never(ErrorCode::PeerUnreachable),
        }
    }

    pub(super) fn deliver(&mut self, node: NodeId, frame: NodeFrame, now: Timestamp) {
        let (sender, to) = match (frame.from, frame.to) {
            (_, NodeReceiver::Host) => return self.refused_to_host(&frame),
            (NodeSender::Host, _) => return self.deliver_from_host(node, &frame, now),
            (NodeSender::Seat(sender), to) => (sender, to.seat()),
        };
        let (room, from) = (frame.room, sender.id);
        let ticket = self.ticket(room, from);
        match (&frame.body, to) {
            (NodeBody::Message { topic, data }, to) => {
                let message =
                    ServerMessage::Message { from, topic: topic.clone(), data: data.clone() };
                match to {
                    Some(to) if self.is_flooded_by(room, to.id, ticket) => {
                        self.bounce(node, &frame, ErrorCode::RateLimited, now);
                    }
                    Some(to) => self.send_from(room, to.id, &message, ticket, now),
                    None => {
                        let mut except =
                            ticket.map_or_else(Vec::new, |by| self.flooded(room, by, from));
                        except.push(from);
                        self.broadcast_except(room, &message, ticket, &except, now);
                        self.hold_for_attaching(node, &frame, now);
                        except.pop();
                        for id in except {
                            let skipped = self.seat_ref(room, id).unwrap_or(sender);
                            let skipped = NodeSender::Seat(skipped);
                            self.answer(node, &frame, skipped, ErrorCode::RateLimited, now);
                        }
                    }
                }
            }
            (NodeBody::Refused { code, kind }, Some(to)) => {
                match (*kind, *code) {
                    (Some(SignalKind::Offer), ErrorCode::OfferConflict) => {}
                    (Some(kind @ SignalKind::Offer), _)
                    | (Some(kind @ SignalKind::Answer), ErrorCode::RateLimited) => {
                        self.withdraw(room, to, sender, kind);
                    }
                    (Some(SignalKind::Answer | SignalKind::Candidate) | None, _) => {}
                }
                let about = Some(from).filter(|from| *from != to.id).map(Addressee::from);
                let refused = RefusalDetails { about, req: frame.req, ..RefusalDetails::default() };
                self.error(room, to.id, *code, refused, now);
            }
            (NodeBody::Signal(signal), Some(to)) => {
                let patience = self.config.offer_patience;
                let is_flooded = self.is_flooded_by(room, to.id, ticket);
                let local = self.rooms.get_mut(&room);
                let Some(receiver) = local.and_then(|local| local.receiver(to.id)) else { return };
                // The node of the smaller id judges, so the other node has judged its signals
                // already.
                let is_judged = node != self.node && from < to.id;
                let decision = if is_judged {
                    receiver.negotiations.admit(from, to.id, signal.kind, is_flooded)
                } else {
                    receiver.negotiations.judge(from, to.id, signal, is_flooded, patience, now)
                };
                match decision {
                    Decision::Conflict => self.bounce(node, &frame, ErrorCode::OfferConflict, now),
                    Decision::Drop => {}
                    Decision::Flooded => {
                        self.bounce(node, &frame, ErrorCode::RateLimited, now);
                    }
                    Decision::Forward => {
                        let message = ServerMessage::Signal { from, signal: signal.clone() };
                        let outgoing = receiver.write(&message, &self.config.replay, now);
                        self.dispatch(room, outgoing, ticket, now);
                    }
                }
            }
            (NodeBody::Refused { .. } | NodeBody::Signal(_), None) => {}
        }
    }

    /// Tells the sender of a frame that it was refused.
    fn bounce(&mut self, node: NodeId, frame: &NodeFrame, code: ErrorCode, now: Timestamp) {
        self.answer(node, frame, addressee(frame), code, now);
    }

    /// The same, on behalf of one of the receivers of the frame.
    pub(super) fn answer(
        &mut self,
        node: NodeId,
        frame: &NodeFrame,
        from: NodeSender,
        code: ErrorCode,
        now: Timestamp,
    ) {
        let Some(answer) = refusal(frame, from, code) else { return };
        if node == self.node {
            self.deliver(node, answer, now);
        } else {
            self.outputs.push_back(Output::ToNode { node, frame: answer });
        }
    }

    pub(super) fn undelivered(&mut self, frame: &NodeFrame, now: Timestamp) {
        self.bounce(self.node, frame, ErrorCode::PeerUnreachable, now);
    }

    /// Withdraws a description that never arrived, so that an offer no longer blocks the other
    /// side's offers, and an answer can be sent again. A loss of messages since has voided it, and
    /// what the pair negotiates now is newer.
    fn withdraw(&mut self, room: RoomId, from: SeatRef, to: SeatRef, kind: SignalKind) {
        let is_current = |seat: SeatRef| self.seat_ref(room, seat.id) == Some(seat);
        if !is_current(from) || !is_current(to) {
            return;
        }
        if let Some(local) = self.rooms.get_mut(&room) {
            local.negotiations.withdraw(from.id, to.id, kind);
        }
    }

    fn ticket(&self, room: RoomId, id: ParticipantId) -> Option<Ticket> {
        Some(self.rooms.get(&room)?.record()?.seat(id)?.ticket)
    }

    pub(super) fn seat_ref(&self, room: RoomId, id: ParticipantId) -> Option<SeatRef> {
        let generation = self.rooms.get(&room)?.record()?.seat(id)?.generation;
        Some(SeatRef { id, generation })
    }

    /// Whether messages of that sender to a member are refused now.
    fn is_flooded_by(&self, room: RoomId, to: ParticipantId, sender: Option<Ticket>) -> bool {
        let Some(local) = self.rooms.get(&room) else { return false };
        let conn = local.member(to).and_then(|member| member.conn);
        sender.is_some_and(|sender| self.is_flooded(conn, sender, local.others()))
    }

    pub(super) fn hold_frame(&mut self, node: NodeId, frame: NodeFrame, now: Timestamp) {
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

    /// Holds a message to everybody for the participants that have not got their `joined` yet,
    /// since the others see them in the room already.
    pub(super) fn hold_for_attaching(&mut self, node: NodeId, frame: &NodeFrame, now: Timestamp) {
        let Some(local) = self.rooms.get(&frame.room) else { return };
        let seats = local.record().map_or(&[][..], |record| record.seats());
        let attaching = seats.iter().filter(|seat| {
            let is_here = seat.attachment.node == self.node && seat.protocol == ProtocolVersion::V2;
            is_here && local.member(seat.id).is_none() && self.is_attaching(seat)
        });
        let attaching = attaching.map(|seat| SeatRef { id: seat.id, generation: seat.generation });
        for to in attaching.collect::<Vec<_>>() {
            let to = NodeReceiver::Seat(to);
            self.hold_frame(node, NodeFrame { to, ..frame.clone() }, now);
        }
    }

    /// Handles the held frames again, after a newer record or a `joined`.
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

    /// Refuses the held messages of hosts in a room in which this node no longer serves anybody.
    pub(super) fn refuse_held(&mut self, held: VecDeque<(NodeId, NodeFrame)>) {
        let of_hosts = held.into_iter().filter(|(_, frame)| frame.from == NodeSender::Host);
        for (node, frame) in of_hosts {
            let code = ErrorCode::PeerNotFound;
            let Some(answer) = refusal(&frame, addressee(&frame), code) else { continue };
            if node == self.node {
                self.refused_to_host(&answer);
            } else {
                self.outputs.push_back(Output::ToNode { node, frame: answer });
            }
        }
    }

    /// Whether the connection that carries a seat has not got its `joined` yet.
    fn is_attaching(&self, seat: &Seat) -> bool {
        self.connections.get(&seat.attachment.conn).is_some_and(Connection::is_attaching)
    }
}

/// Who refuses a frame: the addressee, or the sender itself if the frame was for everybody.
fn addressee(frame: &NodeFrame) -> NodeSender {
    match frame.to {
        NodeReceiver::Host | NodeReceiver::Room => frame.from,
        NodeReceiver::Seat(to) => NodeSender::Seat(to),
    }
}

/// The refusal to send to the sender of a frame; `None` if the frame is a refusal itself.
fn refusal(frame: &NodeFrame, from: NodeSender, code: ErrorCode) -> Option<NodeFrame> {
    let kind = match &frame.body {
        NodeBody::Message { .. } => None,
        NodeBody::Refused { .. } => return None,
        NodeBody::Signal(signal) => Some(signal.kind),
    };
    let to = match frame.from {
        NodeSender::Host => NodeReceiver::Host,
        NodeSender::Seat(sender) => NodeReceiver::Seat(sender),
    };
    Some(NodeFrame { from, to, body: NodeBody::Refused { code, kind }, ..frame.clone() })
}
