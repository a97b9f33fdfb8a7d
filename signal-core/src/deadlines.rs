//! Deadlines of rooms: which room is due next is known without a look at the others.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::ids::RoomId;
use crate::time::Timestamp;

/// One deadline per room, ordered by time.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    by_time: BTreeSet<(Timestamp, RoomId)>,
    by_room: FxHashMap<RoomId, Timestamp>,
}

impl Deadlines {
    /// Sets or clears a room's deadline.
    pub(crate) fn set(&mut self, room: RoomId, deadline: Option<Timestamp>) {
        let previous = match deadline {
            Some(at) => self.by_room.insert(room, at),
            None => self.by_room.remove(&room),
        };
        if previous == deadline {
            return;
        }
        if let Some(at) = previous {
            self.by_time.remove(&(at, room));
        }
        if let Some(at) = deadline {
            self.by_time.insert((at, room));
        }
    }

    /// Removes and returns one room whose deadline has come.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<RoomId> {
        let &(at, room) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.set(room, None);
        Some(room)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }
}
