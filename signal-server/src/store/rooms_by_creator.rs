//! The open rooms of each user.

use std::collections::{BTreeSet, HashMap};

use rustc_hash::FxHashMap;
use signal_core::RoomId;

use crate::limits::concurrency::Permit;

/// The open rooms by creator, each with the permit that counts it for its creator. A room without a
/// creator has none.
#[derive(Debug, Default)]
pub(super) struct RoomsByCreator {
    permits: FxHashMap<RoomId, Option<Permit<String>>>,
    by_creator: HashMap<String, BTreeSet<RoomId>>,
}

impl RoomsByCreator {
    pub(super) fn insert(&mut self, room: RoomId, permit: Option<Permit<String>>) {
        if let Some(permit) = &permit {
            self.by_creator.entry(permit.key().clone()).or_default().insert(room);
        }
        self.permits.insert(room, permit);
    }

    /// Removes a room. Returns its permit, if it has one, which is given back when it is dropped.
    pub(super) fn remove(&mut self, room: RoomId) -> Option<Permit<String>> {
        let permit = self.permits.remove(&room)??;
        if let Some(rooms) = self.by_creator.get_mut(permit.key()) {
            rooms.remove(&room);
            if rooms.is_empty() {
                self.by_creator.remove(permit.key());
            }
        }
        Some(permit)
    }

    pub(super) fn of(&self, creator: &str) -> impl Iterator<Item = RoomId> {
        self.by_creator.get(creator).into_iter().flatten().copied()
    }

    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = RoomId> {
        self.permits.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::concurrency::ConcurrencyLimit;

    #[test]
    fn a_room_is_its_creators_until_it_is_removed() {
        let rooms_of = ConcurrencyLimit::new();
        let id = |number| RoomId::from_indices([number; 6]);
        let mut rooms = RoomsByCreator::default();
        for (number, creator) in [(1, "alice"), (2, "bob"), (3, "alice")] {
            let permit = rooms_of.acquire(creator.to_owned(), 2);
            assert!(permit.is_some());
            rooms.insert(id(number), permit);
        }
        assert_eq!(rooms.of("alice").collect::<Vec<_>>(), [id(1), id(3)]);
        assert!(rooms.remove(id(1)).is_some());
        assert!(rooms.remove(id(1)).is_none());
        assert_eq!((rooms.of("alice").collect::<Vec<_>>(), rooms.all().len()), (vec![id(3)], 2));
        rooms.remove(id(3));
        assert_eq!(rooms.of("alice").count(), 0);
        assert!(!rooms.by_creator.contains_key("alice"), "nothing is left of it");
        rooms.insert(id(4), None);
        assert_eq!(rooms.all().len(), 2, "a room without a creator is open too");
        assert!(rooms.remove(id(4)).is_none() && rooms.all().len() == 1);
    }
}
