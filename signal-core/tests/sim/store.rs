//! The store that all nodes share.

use std::collections::BTreeMap;
use std::sync::Arc;

use signal_core::room::{Durability, Op, Outcome, Reject, Room};
use signal_core::store::Applied;
use signal_core::{RoomId, Timestamp};

use crate::invariants::{EventRules, IdRules, RecordRules};

pub struct Store {
    /// How many seats the guests of one address may have in a room.
    max_seats_per_address: Option<u32>,
    rooms: BTreeMap<RoomId, Arc<Room>>,
    rules: BTreeMap<RoomId, RecordRules>,
    ids: BTreeMap<RoomId, IdRules>,
    events: BTreeMap<RoomId, EventRules>,
    /// What a process that has lost its memory reads: no more than has to be there.
    disk: BTreeMap<RoomId, Vec<u8>>,
    /// Records as they were some time ago, as a backup has them.
    backups: BTreeMap<RoomId, Arc<Room>>,
    /// Whether it has lost anything that it once knew.
    has_forgotten: bool,
}

impl Store {
    pub fn new(max_seats_per_address: Option<u32>) -> Self {
        Self {
            max_seats_per_address,
            rooms: BTreeMap::new(),
            rules: BTreeMap::new(),
            ids: BTreeMap::new(),
            events: BTreeMap::new(),
            disk: BTreeMap::new(),
            backups: BTreeMap::new(),
            has_forgotten: false,
        }
    }

    pub fn create(&mut self, room: Room) {
        self.rules.insert(room.id(), RecordRules::new(self.max_seats_per_address));
        self.ids.insert(room.id(), IdRules::new(&room));
        self.events.insert(room.id(), EventRules::new(&room));
        self.disk.insert(room.id(), room.to_record());
        self.rooms.insert(room.id(), Arc::new(room));
    }

    pub fn apply(&mut self, id: RoomId, op: &Op, now: Timestamp) -> Applied {
        let Some(room) = self.rooms.get_mut(&id) else {
            return Applied::settled(None, Err(Reject::RoomNotFound));
        };
        let before = Arc::clone(room);
        let Outcome { reply, durability } = Arc::make_mut(room).carry_out(op, now);
        let record = Arc::clone(room);
        if !self.has_forgotten
            && let Some(rules) = self.rules.get_mut(&id)
        {
            rules.check(&before, op, &record, &reply, now);
        }
        if let Some(ids) = self.ids.get_mut(&id) {
            ids.check(&before, op, &reply);
        }
        match durability {
            Durability::BeforeAnswer => drop(self.disk.insert(id, record.to_record())),
            Durability::Grouped | Durability::Volatile => {}
        }
        let events = record.events_since(Some(&before), now);
        if let Some(rules) = self.events.get_mut(&id) {
            rules.check(&before, op, &record, &events);
        }
        Applied { record: Some(record), reply, durability, events }
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
        // A backup does not know what was issued since.
        self.ids.clear();
        self.follow_events();
    }

    /// Loses its memory, and starts anew with what is on disk.
    pub fn lose_memory(&mut self) {
        let read = |record: &Vec<u8>| Arc::new(Room::from_record(record).unwrap());
        self.rooms = self.disk.iter().map(|(id, record)| (*id, read(record))).collect();
        self.has_forgotten = true;
        self.follow_events();
    }

    /// Expects the events that follow what is there now.
    fn follow_events(&mut self) {
        let rules = self.rooms.iter().map(|(id, room)| (*id, EventRules::of(room)));
        self.events = rules.collect();
    }

    pub fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }
}
