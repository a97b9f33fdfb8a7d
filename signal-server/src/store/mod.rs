//! Stores rooms in memory, and also in a data directory or another store that outlives the process.

#[cfg(feature = "store")]
mod data_dir;
mod ended_rooms;
#[cfg(feature = "store")]
mod file;
mod kept_seats;
mod owned;
mod pending_write;
mod room_store;
mod writer;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use signal_core::{
    Applied, MemoryStore, Op, Room, RoomEvent, RoomId, RoomIdTaken, Status, Timestamp,
};

#[cfg(feature = "store")]
pub(crate) use self::data_dir::DataDir;
use self::ended_rooms::EndedRooms;
#[cfg(feature = "store")]
pub use self::file::DataDirError;
use self::owned::Owned;
pub(crate) use self::pending_write::PendingWrite;
pub use self::room_store::{RoomStore, RoomWrite, StoreError, StoredRoom};
pub(crate) use self::writer::{NotSaved, OnWritten, SaveOutcome, Writer};
use crate::limits::concurrency::Permit;

/// The rooms of one shard. Changes take effect in memory at once. Replies that promise a change are
/// sent when it is also on disk.
#[derive(Debug)]
pub(crate) struct Store {
    rooms: MemoryStore,
    owned: Owned,
    ended: EndedRooms,
    is_saved: bool,
    to_save: Vec<PendingWrite>,
    to_give_back: Vec<Permit<String>>,
}

impl Store {
    /// Creates an empty store. `is_saved` tells whether rooms are saved to disk; `most_ended` is
    /// the number of ended rooms of one user that it remembers.
    pub(crate) fn new(is_saved: bool, most_ended: usize) -> Self {
        Self {
            rooms: MemoryStore::new(),
            owned: Owned::default(),
            ended: EndedRooms::new(most_ended),
            is_saved,
            to_save: Vec::new(),
            to_give_back: Vec::new(),
        }
    }

    /// Adds a room that an earlier process saved, and returns the events that the end of that
    /// process caused. `permit` counts the room among those of its creator.
    pub(crate) fn restore(
        &mut self,
        room: Room,
        permit: Option<Permit<String>>,
        grace: Duration,
        now: Timestamp,
    ) -> Vec<RoomEvent> {
        let id = room.id();
        let Ok(applied) = self.rooms.restore(room, grace, now) else {
            tracing::error!("two stored rooms have the same id");
            return Vec::new();
        };
        if let Some(permit) = permit {
            self.owned.insert(id, permit);
        }
        self.note_end(id);
        applied.events
    }

    /// Adds a new room, unless its id is taken. The caller has it saved.
    pub(crate) fn create(
        &mut self,
        room: Room,
        permit: Permit<String>,
    ) -> Result<Arc<Room>, RoomIdTaken> {
        match self.rooms.create(room) {
            Ok(room) => {
                self.owned.insert(room.id(), permit);
                Ok(room)
            }
            Err(taken) => {
                self.to_give_back.push(permit);
                Err(taken)
            }
        }
    }

    /// Removes a new room that could not be saved.
    pub(crate) fn withdraw(&mut self, room: RoomId) {
        self.rooms.withdraw(room);
        self.to_give_back.extend(self.owned.remove(room));
    }

    /// Applies an operation to a room. The caller has the change saved.
    pub(crate) fn apply(&mut self, room: RoomId, op: &Op, now: Timestamp) -> Applied {
        let applied = self.rooms.apply(room, op, now);
        self.note_end(room);
        applied
    }

    /// Ends seats and rooms whose time is over, and returns the events. No reply waits until these
    /// changes are saved.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp) -> Vec<RoomEvent> {
        let mut events = Vec::new();
        for (room, applied) in self.rooms.handle_timeout(now) {
            self.note_end(room);
            events.extend(applied.events);
            let write = match applied.record {
                Some(record) => PendingWrite::Put(record),
                None => {
                    self.ended.remove(room);
                    PendingWrite::Forget(room)
                }
            };
            self.save(write);
        }
        events
    }

    /// Queues a change for saving, if rooms are saved.
    pub(crate) fn save(&mut self, write: PendingWrite) {
        if self.is_saved {
            self.to_save.push(write);
        }
    }

    /// Whether there are changes to save or permits to give back.
    pub(crate) fn has_effects(&self) -> bool {
        !self.to_save.is_empty() || !self.to_give_back.is_empty()
    }

    /// Takes the changes to save, in their order.
    pub(crate) fn take_to_save(&mut self) -> Vec<PendingWrite> {
        mem::take(&mut self.to_save)
    }

    /// Takes the permits of rooms that no longer count among those of their creators.
    pub(crate) fn take_to_give_back(&mut self) -> Vec<Permit<String>> {
        mem::take(&mut self.to_give_back)
    }

    /// Counts a room that has ended among those that are over, and no longer among the open ones of
    /// its creator.
    fn note_end(&mut self, room: RoomId) {
        let record = self.rooms.room(room);
        if record.is_some_and(|record| record.status() == Status::Open) {
            return;
        }
        self.to_give_back.extend(self.owned.remove(room));
        if let Some(oldest) = record.and_then(|record| self.ended.insert(record)) {
            self.rooms.withdraw(oldest);
            self.save(PendingWrite::Forget(oldest));
        }
    }

    /// Whether rooms are saved to disk.
    pub(crate) fn is_saved(&self) -> bool {
        self.is_saved
    }

    /// Returns the newest record of a room.
    pub(crate) fn room(&self, room: RoomId) -> Option<&Arc<Room>> {
        self.rooms.room(room)
    }

    /// Returns the open rooms of a user.
    pub(crate) fn rooms_of(&self, creator: &str) -> impl Iterator<Item = &Arc<Room>> {
        self.owned.of(creator).filter_map(|id| self.rooms.room(id))
    }

    /// Returns all open rooms, in no particular order.
    pub(crate) fn open_rooms(&self) -> impl ExactSizeIterator<Item = &Arc<Room>> {
        self.owned.all().map(|room| self.rooms.room(room).expect("an open room is in the store"))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.rooms.poll_timeout()
    }
}

#[cfg(test)]
#[cfg(feature = "store")]
mod tests {
    use std::path::Path;

    use signal_core::{Capacity, IdSuffix, OnCreatorLeave, PasswordTag, RoomSpec, TokenHash};

    use super::*;
    use crate::limits::concurrency::ConcurrencyLimit;
    use crate::metrics::Metrics;
    use crate::supervision::Supervisor;

    const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);

    fn room(number: u8) -> Room {
        Room::create(RoomSpec {
            id: RoomId::from_indices([number; 6]),
            epoch: 1,
            name: "room".into(),
            creator: "alice".into(),
            password: Some(PasswordTag::new([7; 32])),
            invite: TokenHash::new([9; 32]),
            capacity: Capacity::default(),
            created_at: NOW,
            expires_at: NOW + Duration::from_secs(60 * u64::from(number)),
            on_creator_leave: OnCreatorLeave::Close,
            suffix: IdSuffix::new(1),
        })
    }

    async fn open(folder: &Path) -> (Store, Writer, Vec<Room>) {
        let DataDir { file, .. } = loop {
            // The thread that used the file before is about to end.
            match DataDir::open(folder, None) {
                Err(DataDirError::InUse { .. }) => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let started = Writer::start(file, Metrics::new(), Supervisor::new()).await;
        let (writer, rooms) = started.unwrap();
        (Store::new(true, 2), writer, rooms)
    }

    fn save_all(store: &mut Store, writer: &Writer) {
        let told = OnWritten::new(|written| written.saved.unwrap());
        store.take_to_save().into_iter().for_each(|write| writer.save(write, &told));
        store.take_to_give_back().clear();
    }

    #[tokio::test]
    async fn a_room_is_on_disk_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, writer, rooms) = open(folder.path()).await;
        assert_eq!(rooms, []);
        let rooms_of = ConcurrencyLimit::new();
        for number in [1, 2] {
            let permit = rooms_of.acquire("alice".to_owned(), 2).unwrap();
            let write = PendingWrite::PutNew(store.create(room(number), permit).unwrap());
            store.save(write);
        }
        // The first room has expired and is still remembered.
        assert!(rooms_of.acquire("alice".to_owned(), 2).is_none());
        store.handle_timeout(NOW + Duration::from_secs(60));
        save_all(&mut store, &writer);
        assert!(rooms_of.acquire("alice".to_owned(), 2).is_some());
        writer.flush().await;
        let expired = Arc::clone(store.room(room(1).id()).unwrap());
        drop((store, writer));

        let (mut store, writer, rooms) = open(folder.path()).await;
        let records: Vec<_> = rooms.iter().map(Room::to_record).collect();
        assert_eq!(records, [expired.to_record(), room(2).to_record()]);
        for room in rooms {
            store.restore(room, None, Duration::from_secs(60), NOW);
        }
        store.handle_timeout(NOW + Duration::from_secs(60) + Room::REMEMBERED);
        save_all(&mut store, &writer);
        writer.flush().await;
        drop((store, writer));
        let (.., rooms) = open(folder.path()).await;
        assert_eq!(rooms.iter().map(Room::id).collect::<Vec<_>>(), [room(2).id()]);
    }
}
