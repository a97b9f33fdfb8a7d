//! The store of a single node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::deadlines::Deadlines;
use crate::ids::RoomId;
use crate::room::event::RoomEvent;
use crate::room::{Durability, Op, Outcome, Receipt, Reject, Room, Status};
use crate::time::Timestamp;

/// Holds rooms in memory and applies operations at once, which is all that a single node needs.
///
/// Records are shared behind an `Arc`. A change copies only the room that it changes.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rooms: BTreeMap<RoomId, Arc<Room>>,
    deadlines: Deadlines<RoomId>,
}

/// The result of an operation.
#[derive(Clone, Debug)]
#[must_use = "hand the record to every hub with sockets in the room, or nobody there is told"]
pub struct Applied {
    /// The room afterwards; `None` if there is none.
    pub record: Option<Arc<Room>>,
    /// The answer to the operation.
    pub reply: Result<Receipt, Reject>,
    /// Whether a host that stores records has to write this one before it passes the result on.
    pub durability: Durability,
    /// The events of the operation. A hub does not need them.
    pub events: Vec<RoomEvent>,
}

impl Applied {
    /// A result for a [`Hub`](crate::hub::Hub), once the record is written and the events are
    /// handled.
    pub fn settled(record: Option<Arc<Room>>, reply: Result<Receipt, Reject>) -> Self {
        Self { record, reply, durability: Durability::Volatile, events: Vec::new() }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a new room. One with a [chosen](RoomId::chosen) id may take the place of a room that is
    /// over, which is then forgotten.
    ///
    /// # Errors
    ///
    /// The room's id is taken, perhaps by a room that is over and still remembered. Try another id.
    pub fn create(&mut self, mut room: Room) -> Result<Arc<Room>, RoomIdTaken> {
        if let Some(earlier) = self.rooms.get(&room.id()) {
            if !earlier.id().is_chosen() || earlier.status() == Status::Open {
                return Err(RoomIdTaken);
            }
            room.follow(earlier);
        }
        let room = Arc::new(room);
        self.rooms.insert(room.id(), Arc::clone(&room));
        self.watch_deadline(&room);
        Ok(room)
    }

    /// Adds a room that an earlier process left behind.
    ///
    /// Every socket is gone with that process. Participants that spoke v2 may resume for `grace`
    /// from `now` on; the seats of the others end. The result has the record after that, and the
    /// events.
    ///
    /// # Errors
    ///
    /// The room's id is taken.
    pub fn restore(
        &mut self,
        mut room: Room,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Applied, RoomIdTaken> {
        let before = room.clone();
        room.lose_sockets(now + grace, now);
        let events = room.events_since(Some(&before), now);
        // The next restart has the same effect, so only reported events make a write necessary.
        let durability = if events.is_empty() { Durability::Volatile } else { Durability::Grouped };
        let record = Some(self.create(room)?);
        Ok(Applied { record, reply: Ok(Receipt::Done), durability, events })
    }

    /// Removes a new room that nobody knows of yet.
    pub fn withdraw(&mut self, id: RoomId) {
        self.rooms.remove(&id);
        self.deadlines.set(id, None);
    }

    /// Applies an operation to a room.
    pub fn apply(&mut self, id: RoomId, op: &Op, now: Timestamp) -> Applied {
        let Some(room) = self.rooms.get_mut(&id) else {
            return Applied::settled(None, Err(Reject::RoomNotFound));
        };
        let before = Arc::clone(room);
        let Outcome { reply, durability } = Arc::make_mut(room).carry_out(op, now);
        let record = Arc::clone(room);
        self.watch_deadline(&record);
        let events = record.events_since(Some(&before), now);
        Applied { record: Some(record), reply, durability, events }
    }

    /// Ends rooms and seats whose time has come, and removes rooms that ended a day ago.
    ///
    /// Returns the result for each of these rooms, for a host that stores records; a room that was
    /// removed has no record. A [`Hub`](crate::hub::Hub) need not be told, since a hub with sockets
    /// in a room asks for the same itself.
    #[must_use = "the records may have to be kept, and the events told"]
    pub fn handle_timeout(&mut self, now: Timestamp) -> Vec<(RoomId, Applied)> {
        let mut due = Vec::new();
        while let Some(id) = self.deadlines.pop_due(now) {
            let forgotten = self.rooms.get(&id).and_then(|room| room.forgotten_at());
            if forgotten.is_some_and(|at| at <= now) {
                self.rooms.remove(&id);
                due.push((id, Applied::settled(None, Ok(Receipt::Done))));
            } else {
                due.push((id, self.apply(id, &Op::Prune, now)));
            }
        }
        due
    }

    fn watch_deadline(&mut self, room: &Room) {
        self.deadlines.set(room.id(), room.deadline().or(room.forgotten_at()));
    }

    /// The newest record of a room, even if the room is over and still remembered.
    pub fn room(&self, id: RoomId) -> Option<&Arc<Room>> {
        self.rooms.get(&id)
    }

    /// All rooms in the order of their ids, including those that are over and still remembered.
    pub fn rooms(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.rooms.values()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; any change to a room may move
    /// it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }
}

/// A room with that id exists, or existed recently.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the room id is taken")]
pub struct RoomIdTaken;
