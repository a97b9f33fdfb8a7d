//! Which identities are in the store, so that each is written once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use signal_core::{ParticipantId, Room, RoomId, Seat};

use super::pending_write::PendingWrite;
use super::room_store::{RoomWrite, StoredRoom};

/// The participants of each room whose identities are in the store.
#[derive(Debug, Default)]
pub(super) struct KeptSeats(BTreeMap<RoomId, BTreeSet<ParticipantId>>);

impl KeptSeats {
    /// The identities that an earlier process has written.
    pub(super) fn of(rooms: &[StoredRoom]) -> Self {
        let with_seats = rooms.iter().filter(|room| !room.seats.is_empty());
        let ids = |room: &StoredRoom| room.seats.iter().map(|(id, _)| *id).collect();
        Self(with_seats.map(|room| (room.room, ids(room))).collect())
    }

    /// Converts a write for the store. It counts as done once [`note`](Self::note) is called.
    pub(super) fn to_store(&self, write: &PendingWrite) -> RoomWrite {
        let room = match write {
            PendingWrite::Forget(room) => return RoomWrite::Remove { room: *room },
            PendingWrite::Put(room) | PendingWrite::PutNew(room) => room,
        };
        let kept = self.0.get(&room.id());
        let is_kept = |seat: &&Seat| kept.is_some_and(|kept| kept.contains(&seat.id));
        let come = identified(room).filter(|seat| !is_kept(seat));
        let left = kept.into_iter().flatten().filter(|id| room.seat(**id).is_none());
        let seats = come
            .map(|seat| (seat.id, Some(seat.identity.to_bytes())))
            .chain(left.map(|id| (*id, None)))
            .collect();
        RoomWrite::Put { room: room.id(), record: room.to_record(), seats }
    }

    /// Notes that the store has done a write.
    pub(super) fn note(&mut self, write: &PendingWrite) {
        let ids: BTreeSet<_> = match write {
            PendingWrite::Forget(_) => BTreeSet::new(),
            PendingWrite::Put(room) | PendingWrite::PutNew(room) => {
                identified(room).map(|seat| seat.id).collect()
            }
        };
        if ids.is_empty() {
            self.0.remove(&write.room());
        } else {
            self.0.insert(write.room(), ids);
        }
    }
}

/// The seats of participants with an identity.
fn identified(room: &Arc<Room>) -> impl Iterator<Item = &Seat> {
    room.seats().iter().filter(|seat| !seat.identity.is_empty())
}
