//! Checks what one node sends to another.

use signal_core::hub::{NodeBody, NodeFrame, NodeId, SeatRef};
use signal_core::{ErrorCode, RoomId, Timestamp};

use super::{Cause, Witness};
use crate::ledger::Ledger;

impl Witness {
    /// A message has come from another node to the one that judges its pair.
    pub(super) fn arrived_from_node(&mut self, node: NodeId, frame: &NodeFrame, ledger: &Ledger) {
        let Some(number) = number_of(frame, ledger) else { return };
        self.step.cause = Cause::Peer(number);
        let version = self.record(node, frame.room).map(|record| record.version());
        if version < Some(frame.version) {
            self.early.push((node, frame.clone()));
        } else if !self.is_void(node, frame) {
            self.arrived(node, number, ledger);
        }
    }

    /// Messages that have waited for a record are looked into now that it has come.
    pub(super) fn turn_to_early(
        &mut self,
        node: NodeId,
        room: RoomId,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        let version = self.record(node, room).map(|record| record.version());
        let is_due = |(at, frame): &(NodeId, NodeFrame)| {
            *at == node && frame.room == room && Some(frame.version) <= version
        };
        let (due, early): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.early).into_iter().partition(is_due);
        self.early = early;
        for (_, frame) in due {
            if self.is_void(node, &frame) {
                continue;
            }
            let to = frame.to.seat();
            let (Some(number), Some(to)) = (number_of(&frame, ledger), to) else { continue };
            match self.sessions.get(&(node, room, to.id)) {
                Some(session) => {
                    self.referee.looked_into(node, number, session.conn.is_none(), ledger, now);
                }
                None => self.referee.arrived(node, number, ledger),
            }
        }
    }

    /// Whether a frame is from or for a seat that has lost messages since.
    pub(super) fn is_void(&self, node: NodeId, frame: &NodeFrame) -> bool {
        let record = self.record(node, frame.room);
        let is_void = |address: SeatRef| {
            let seat = record.and_then(|record| record.seat(address.id));
            seat.is_none_or(|seat| seat.generation != address.generation)
        };
        frame.from.seat().is_some_and(is_void) || frame.to.seat().is_some_and(is_void)
    }

    /// A frame goes out to another node.
    pub fn sent_to_node(
        &mut self,
        node: NodeId,
        frame: &NodeFrame,
        ledger: &mut Ledger,
        now: Timestamp,
    ) {
        if self.is_blind {
            return;
        }
        let (Some(from), Some(to)) = (frame.from.seat(), frame.to.seat()) else { return };
        match &frame.body {
            NodeBody::Signal(_) if from.id < to.id => {
                if let Some(number) = number_of(frame, ledger) {
                    self.referee.forwarded(node, number, ledger, now);
                }
            }
            NodeBody::Refused { code, .. } => {
                let is_conflict = *code == ErrorCode::OfferConflict;
                match self.step.cause {
                    _ if is_conflict => {
                        self.referee.conflicted(node, frame.room, to.id, from.id, ledger, now);
                    }
                    Cause::Peer(number) => {
                        self.early.retain(|(_, frame)| number_of(frame, ledger) != Some(number));
                        self.referee.failed(node, number, ledger);
                    }
                    Cause::Frame(..)
                    | Cause::Host
                    | Cause::Other
                    | Cause::Refusal(_)
                    | Cause::Undelivered(_) => {
                        // A message that was held back.
                        self.referee.failed_oldest(node, frame.room, to.id, from.id, ledger);
                    }
                }
            }
            NodeBody::Message { .. } | NodeBody::Signal(_) => {}
        }
    }
}

pub(super) fn number_of(frame: &NodeFrame, ledger: &Ledger) -> Option<u64> {
    let payload = match &frame.body {
        NodeBody::Message { data, .. } => data,
        NodeBody::Refused { .. } => return None,
        NodeBody::Signal(signal) => &signal.payload,
    };
    ledger.number_in(std::str::from_utf8(payload.as_bytes()).ok()?)
}
