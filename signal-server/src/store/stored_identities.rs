//! Which identities are in the store, so that each is written once, and again only if it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use signal_core::identity::Identity;
use signal_core::room::{Room, Seat};
use signal_core::{ParticipantId, RoomId};

use super::pending_write::RecordChange;
use super::room_store::{RoomWrite, StoredRoom};

/// The identities of the participants of each room that are in the store.
#[derive(Debug, Default)]
pub(super) struct StoredIdentities(BTreeMap<RoomId, Identities>);

type Identities = BTreeMap<ParticipantId, Arc<Identity>>;

impl StoredIdentities {
    /// The identities that an earlier process has written.
    ///
    /// An identity that cannot be read is not kept: the room was refused because of it.
    pub(super) fn of(rooms: &[StoredRoom]) -> Self {
        let read = |bytes: &Vec<u8>| Identity::from_bytes(bytes).ok().map(Arc::new);
        let identities = |room: &StoredRoom| -> Identities {
            room.seats.iter().filter_map(|(id, bytes)| Some((*id, read(bytes)?))).collect()
        };
        let with_seats = rooms.iter().filter(|room| !room.seats.is_empty());
        Self(with_seats.map(|room| (room.room, identities(room))).collect())
    }

    /// Converts a change for the store. It counts as done once [`note`](Self::note) is called.
    pub(super) fn to_store(&self, change: &RecordChange) -> RoomWrite {
        let room = match change {
            RecordChange::Forget(room) => return RoomWrite::Remove { room: *room },
            RecordChange::Put(room) | RecordChange::PutNew(room) => room,
        };
        let kept = self.0.get(&room.id());
        let is_kept =
            |seat: &&Seat| kept.and_then(|kept| kept.get(&seat.id)) == Some(&seat.identity);
        let come = identified(room).filter(|seat| !is_kept(seat));
        let has_none = |id| room.seat(id).is_none_or(|seat| seat.identity.is_empty());
        let left = kept.into_iter().flat_map(BTreeMap::keys).filter(|id| has_none(**id));
        let seats = come
            .map(|seat| (seat.id, Some(seat.identity.to_bytes())))
            .chain(left.map(|id| (*id, None)))
            .collect();
        RoomWrite::Put { room: room.id(), record: room.to_record(), seats }
    }

    /// Notes that the store has done a change.
    pub(super) fn note(&mut self, change: &RecordChange) {
        let identities = match change {
            RecordChange::Forget(_) => Identities::new(),
            RecordChange::Put(room) | RecordChange::PutNew(room) => {
                identified(room).map(|seat| (seat.id, Arc::clone(&seat.identity))).collect()
            }
        };
        if identities.is_empty() {
            self.0.remove(&change.room());
        } else {
            self.0.insert(change.room(), identities);
        }
    }
}

/// The seats of participants with an identity.
fn identified(room: &Arc<Room>) -> impl Iterator<Item = &Seat> {
    room.seats().iter().filter(|seat| !seat.identity.is_empty())
}
