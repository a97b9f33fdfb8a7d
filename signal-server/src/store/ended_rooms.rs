//! The rooms of each user that are over and still remembered.

use std::collections::{BTreeSet, HashMap};

use rustc_hash::FxHashMap;
use signal_core::room::Room;
use signal_core::{RoomId, Timestamp};

/// The rooms that are over, by creator and in the order of their ends.
///
/// A room is remembered for a day, so that latecomers learn how it ended. The number for each user
/// is bounded, so that nobody fills the memory with rooms that are closed at once. Rooms without a
/// creator belong to the host application, and a larger number of them is remembered.
#[derive(Debug)]
pub(super) struct EndedRooms {
    most: MostEnded,
    /// The key is `None` for rooms without a creator.
    by_creator: HashMap<Option<String>, BTreeSet<(Timestamp, RoomId)>>,
    creators: FxHashMap<RoomId, (Option<String>, Timestamp)>,
}

/// How many rooms are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MostEnded {
    /// Of each user.
    pub(crate) of_user: usize,
    /// Of those without a creator.
    pub(crate) without_creator: usize,
}

impl EndedRooms {
    pub(super) fn new(most: MostEnded) -> Self {
        Self { most, by_creator: HashMap::new(), creators: FxHashMap::default() }
    }

    /// Adds a room that is over. Returns the room that is forgotten in its place.
    pub(super) fn insert(&mut self, room: &Room) -> Option<RoomId> {
        let forgotten_at = room.forgotten_at()?;
        let (id, creator) = (room.id(), room.creator().map(str::to_owned));
        let most = match creator {
            Some(_) => self.most.of_user,
            None => self.most.without_creator,
        };
        let rooms = self.by_creator.entry(creator.clone()).or_default();
        if !rooms.insert((forgotten_at, id)) {
            return None;
        }
        let oldest = if rooms.len() > most { rooms.pop_first() } else { None };
        self.creators.insert(id, (creator, forgotten_at));
        let (_, oldest) = oldest?;
        self.creators.remove(&oldest);
        Some(oldest)
    }

    pub(super) fn remove(&mut self, room: RoomId) {
        let Some((creator, forgotten_at)) = self.creators.remove(&room) else { return };
        if let Some(rooms) = self.by_creator.get_mut(&creator) {
            rooms.remove(&(forgotten_at, room));
            if rooms.is_empty() {
                self.by_creator.remove(&creator);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signal_core::room::{
        Capacity, CloseReason, IdSuffix, OnCreatorLeave, Op, PasswordTag, RoomSpec, TokenHash,
    };

    use super::*;

    fn ended(number: u8, creator: Option<&str>, at: Timestamp) -> Room {
        let mut room = Room::create(RoomSpec {
            id: RoomId::from_indices([number; 6]),
            epoch: 1,
            name: "room".into(),
            creator: creator.map(Into::into),
            password: Some(PasswordTag::new([7; 32])),
            invite: TokenHash::new([9; 32]),
            capacity: Capacity::default(),
            created_at: at,
            expires_at: at + Duration::from_secs(60),
            on_creator_leave: OnCreatorLeave::Close,
            suffix: IdSuffix::new(1),
        });
        room.apply(&Op::Close(CloseReason::ByCreator), at).unwrap();
        room
    }

    #[test]
    fn of_each_user_the_rooms_that_ended_last_are_remembered() {
        let id = |number: u8| RoomId::from_indices([number; 6]);
        let time = |seconds: u64| Timestamp::from_millis(1000 * seconds);
        let mut rooms = EndedRooms::new(MostEnded { of_user: 2, without_creator: 3 });
        let [alice, bob] = ["alice", "bob"].map(Some);
        assert_eq!(rooms.insert(&ended(1, alice, time(3))), None);
        assert_eq!(rooms.insert(&ended(2, alice, time(1))), None);
        assert_eq!(rooms.insert(&ended(2, alice, time(1))), None, "known already");
        assert_eq!(rooms.insert(&ended(3, bob, time(2))), None);
        assert_eq!(rooms.insert(&ended(4, alice, time(2))), Some(id(2)));
        rooms.remove(id(1));
        assert_eq!(rooms.insert(&ended(5, alice, time(5))), None);
        assert_eq!(rooms.insert(&ended(6, alice, time(6))), Some(id(4)));
        for number in 1..=6 {
            rooms.remove(id(number));
        }
        assert!(rooms.by_creator.is_empty() && rooms.creators.is_empty(), "{rooms:?}");
    }
    #[test]
    fn of_the_rooms_without_a_creator_more_are_remembered_than_of_a_user() {
        let most = MostEnded { of_user: 1, without_creator: 3 };
        let mut rooms = EndedRooms::new(most);
        let at = Timestamp::from_millis;
        for number in 1..=3 {
            assert_eq!(rooms.insert(&ended(number, None, at(number.into()))), None);
        }
        assert_eq!(rooms.insert(&ended(4, Some("alice"), at(4))), None);
        let forgotten = Some(RoomId::from_indices([1; 6]));
        assert_eq!(rooms.insert(&ended(5, None, at(5))), forgotten);
    }
}
