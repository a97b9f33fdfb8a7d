//! The store that all nodes share.

use std::collections::BTreeMap;
use std::sync::Arc;

use signal_core::{Applied, Op, Reject, Room, RoomId, Timestamp};

use crate::invariants::RecordRules;

#[derive(Default)]
pub struct Store {
    rooms: BTreeMap<RoomId, Arc<Room>>,
    rules: BTreeMap<RoomId, RecordRules>,
    /// Records as they were some time ago, as a backup has them.
    backups: BTreeMap<RoomId, Arc<Room>>,
    /// Whether it has lost anything that it once knew.
    has_forgotten: bool,
}

impl Store {
    pub fn create(&mut self, room: Room) {
        self.rules.insert(room.id(), RecordRules::new(&room));
        self.rooms.insert(room.id(), Arc::new(room));
    }

    pub fn apply(&mut self, id: RoomId, op: &Op, now: Timestamp) -> Applied {
        let Some(room) = self.rooms.get_mut(&id) else {
            return Applied { record: None, reply: Err(Reject::RoomNotFound) };
        };
        let before = Arc::clone(room);
        let reply = Arc::make_mut(room).apply(op, now);
        let record = Arc::clone(room);
        if !self.has_forgotten
            && let Some(rules) = self.rules.get_mut(&id)
        {
            rules.check(&before, op, &record, &reply, now);
        }
        Applied { record: Some(record), reply }
    }

    pub fn room(&self, id: RoomId) -> Option<&Arc<Room>> {
        self.rooms.get(&id)
    }

    pub fn rooms(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.rooms.values()
    }

    pub fn back_up(&mut self) {
        self.backups = self.rooms.clone();
    }

    /// Starts anew with what the backup has, or without anything.
    pub fn restart(&mut self, has_backup: bool) {
        self.rooms = if has_backup { self.backups.clone() } else { BTreeMap::new() };
        self.has_forgotten = true;
    }

    pub fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }
}
