//! What a hub knows of a room it has connections to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::negotiation::{Negotiation, pair};
use crate::ids::{ConnId, ParticipantId};
use crate::room::{Room, Seat};

/// The newest record seen of a room, and who of it is connected here.
#[derive(Debug, Default)]
pub(super) struct LocalRoom {
    /// `None` until the first answer of the store.
    record: Option<Arc<Room>>,
    /// Everybody who was sent `joined`.
    members: BTreeMap<ParticipantId, ConnId>,
    /// The values of `members`, shared with every broadcast.
    audience: Arc<[ConnId]>,
    negotiations: BTreeMap<(ParticipantId, ParticipantId), Negotiation>,
    /// Connections of any phase; at zero the room is of no interest any more.
    pub(super) connections: usize,
}

/// How a newer record differs from the one before.
#[derive(Debug)]
pub(super) struct Difference {
    /// Seats that are gone, oldest first.
    pub(super) left: Vec<ParticipantId>,
    /// Seats that are new, oldest first.
    pub(super) joined: Vec<ParticipantId>,
}

impl LocalRoom {
    /// Takes over a record if it is newer and tells what is different; `None` if it is not newer.
    pub(super) fn see(&mut self, record: &Arc<Room>) -> Option<Difference> {
        let known = self.record.as_deref();
        if known.is_some_and(|known| known.epoch() == record.epoch() && known.version() >= record.version()) {
            return None;
        }
        let missing_in = |other: &Room, seats: &[Seat]| {
            seats.iter().map(|seat| seat.id).filter(|id| other.seat(*id).is_none()).collect()
        };
        let difference = match known {
            Some(known) => Difference {
                left: missing_in(record, known.seats()),
                joined: missing_in(known, record.seats()),
            },
            // Nobody is a member before the first record, so there is nobody to tell.
            None => Difference { left: Vec::new(), joined: Vec::new() },
        };
        let before = self.record.replace(Arc::clone(record));
        for seat in before.iter().flat_map(|room| room.seats()) {
            for &gone in &difference.left {
                self.negotiations.remove(&pair(gone, seat.id));
            }
        }
        Some(difference)
    }

    pub(super) fn insert_member(&mut self, id: ParticipantId, conn: ConnId) {
        self.members.insert(id, conn);
        self.audience = self.members.values().copied().collect();
    }

    pub(super) fn remove_member(&mut self, id: ParticipantId) -> Option<ConnId> {
        let conn = self.members.remove(&id)?;
        self.audience = self.members.values().copied().collect();
        Some(conn)
    }

    pub(super) fn negotiation(&mut self, a: ParticipantId, b: ParticipantId) -> &mut Negotiation {
        self.negotiations.entry(pair(a, b)).or_default()
    }

    pub(super) fn record(&self) -> Option<&Arc<Room>> {
        self.record.as_ref()
    }

    pub(super) fn member(&self, id: ParticipantId) -> Option<ConnId> {
        self.members.get(&id).copied()
    }

    pub(super) fn audience(&self) -> &Arc<[ConnId]> {
        &self.audience
    }
}
