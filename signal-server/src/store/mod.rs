//! Stores rooms in memory, and also in a data directory or another store that outlives the process.

#[cfg(feature = "store")]
mod data_dir;
#[cfg(feature = "store")]
mod data_dir_error;
mod ended_rooms;
#[cfg(feature = "store")]
mod file;
mod pending_write;
pub(crate) mod queue;
mod room_store;
mod rooms_by_creator;
mod stored_identities;
mod unconfirmed_events;
mod unwritten;
mod writer;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use signal_core::room::event::RoomEvent;
use signal_core::room::{Op, Room, Status};
use signal_core::store::{Applied, MemoryStore, RoomIdTaken};
use signal_core::{RoomId, Timestamp};
use tokio::sync::oneshot;

#[cfg(feature = "store")]
pub(crate) use self::data_dir::DataDir;
#[cfg(feature = "store")]
pub use self::data_dir_error::DataDirError;
use self::ended_rooms::EndedRooms;
pub(crate) use self::ended_rooms::MostEnded;
pub(crate) use self::pending_write::{PendingWrite, RecordChange};
pub use self::queue::QueuedEvent;
pub use self::room_store::{QueueWrite, RoomStore, RoomWrite, StoreError, StoredRoom};
use self::rooms_by_creator::RoomsByCreator;
use self::unwritten::Unwritten;
pub(crate) use self::writer::{Loaded, NotSaved, OnWritten, SaveOutcome, Writer};
use crate::limits::concurrency::Permit;

/// The rooms of one shard. Changes take effect in memory at once. Replies that promise a change are
/// sent when it is also on disk.
#[derive(Debug)]
pub(crate) struct Store {
    rooms: MemoryStore,
    rooms_by_creator: RoomsByCreator,
    ended: EndedRooms,
    unwritten: Unwritten,
    is_saved: bool,
    has_webhooks: bool,
    to_save: Vec<(RecordChange, Vec<RoomEvent>)>,
    /// The events for webhooks whose record is to be saved next.
    unsaved: FxHashMap<RoomId, Vec<RoomEvent>>,
    /// The events for webhooks that hold, since rooms are not saved.
    to_queue: Vec<RoomEvent>,
    to_give_back: Vec<Permit<String>>,
}

/// Why a room is not created.
#[derive(Debug)]
pub(crate) enum NotCreated {
    IdTaken,
    /// An earlier room had the id, and is not written yet. Try again when this ends.
    Unwritten(oneshot::Receiver<()>),
}

impl Store {
    /// Creates an empty store. `is_saved` tells whether rooms are saved to disk, `has_webhooks`
    /// whether events are queued for webhooks; `most_ended` how many ended rooms it remembers.
    pub(crate) fn new(is_saved: bool, has_webhooks: bool, most_ended: MostEnded) -> Self {
        Self {
            rooms: MemoryStore::new(),
            rooms_by_creator: RoomsByCreator::default(),
            ended: EndedRooms::new(most_ended),
            unwritten: Unwritten::default(),
            is_saved,
            has_webhooks,
            to_save: Vec::new(),
            unsaved: FxHashMap::default(),
            to_queue: Vec::new(),
            to_give_back: Vec::new(),
        }
    }

    /// Adds a room that an earlier process saved, and returns the events that the end of that
    /// process caused. `permit` counts an open room among those of its creator, if it has one.
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
        self.rooms_by_creator.insert(id, permit);
        self.note_end(id);
        if self.has_webhooks
            && let (false, Some(record)) = (applied.events.is_empty(), applied.record)
        {
            // A restart would repeat the events, so they are queued only with a record that has
            // them.
            self.note_events(&applied.events);
            self.save(RecordChange::Put(record));
        }
        applied.events
    }

    /// Adds a new room, unless its id is taken. The caller has it saved.
    ///
    /// Whatever is on its way to the disk for one id is about one room, so a room that takes the
    /// place of an earlier one waits until that is written.
    pub(crate) fn create(
        &mut self,
        room: Room,
        permit: Option<Permit<String>>,
    ) -> Result<Arc<Room>, NotCreated> {
        let is_open = |earlier: &Arc<Room>| earlier.status() == Status::Open;
        if !self.rooms.room(room.id()).is_some_and(is_open)
            && let Some(written) = self.unwritten.done(room.id())
        {
            self.to_give_back.extend(permit);
            return Err(NotCreated::Unwritten(written));
        }
        match self.rooms.create(room) {
            Ok(room) => {
                // The room may take the place of one that is over.
                self.ended.remove(room.id());
                self.rooms_by_creator.insert(room.id(), permit);
                if self.is_saved {
                    self.note_events(&room.events_since(None, room.created_at()));
                }
                Ok(room)
            }
            Err(RoomIdTaken) => {
                self.to_give_back.extend(permit);
                Err(NotCreated::IdTaken)
            }
        }
    }

    /// Notes that a change is written, or could not be.
    pub(crate) fn note_written(&mut self, room: RoomId, version: u64) {
        self.unwritten.remove(room, version);
    }

    /// Queues the event that a room was created, unless it is saved with the room.
    pub(crate) fn note_opened(&mut self, opened: &[RoomEvent]) {
        if !self.is_saved {
            self.note_events(opened);
        }
    }

    /// Removes a new room that its creator does not learn of; `false` if it is over already. Then
    /// a later room may have its id.
    pub(crate) fn withdraw(&mut self, room: RoomId, epoch: u64) -> bool {
        let is_open = |record: &Arc<Room>| record.status() == Status::Open;
        if !self.rooms.room(room).is_some_and(|record| record.epoch() == epoch && is_open(record)) {
            return false;
        }
        self.rooms.withdraw(room);
        self.unsaved.remove(&room);
        self.to_give_back.extend(self.rooms_by_creator.remove(room));
        true
    }

    /// Applies an operation to a room. The caller has the change saved.
    pub(crate) fn apply(&mut self, room: RoomId, op: &Op, now: Timestamp) -> Applied {
        let applied = self.rooms.apply(room, op, now);
        self.note_events(&applied.events);
        self.note_end(room);
        applied
    }

    /// Ends seats and rooms whose time is over, and returns the events. No reply waits until these
    /// changes are saved.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp) -> Vec<RoomEvent> {
        let mut events = Vec::new();
        for (room, applied) in self.rooms.handle_timeout(now) {
            self.note_events(&applied.events);
            self.note_end(room);
            events.extend(applied.events);
            let change = match applied.record {
                Some(record) => RecordChange::Put(record),
                None => {
                    self.ended.remove(room);
                    RecordChange::Forget(room)
                }
            };
            self.save(change);
        }
        events
    }

    /// Queues a change for saving, if rooms are saved, with the events that led to it.
    pub(crate) fn save(&mut self, change: RecordChange) {
        if self.is_saved {
            self.unwritten.add(change.room(), change.version());
            let events = self.unsaved.remove(&change.room()).unwrap_or_default();
            self.to_save.push((change, events));
        }
    }

    /// Whether there are changes to save, events to queue or permits to give back.
    pub(crate) fn has_effects(&self) -> bool {
        !self.to_save.is_empty() || !self.to_queue.is_empty() || !self.to_give_back.is_empty()
    }

    /// Takes the changes to save, in their order, each with the events to queue with it.
    pub(crate) fn take_to_save(&mut self) -> Vec<(RecordChange, Vec<RoomEvent>)> {
        mem::take(&mut self.to_save)
    }

    /// Takes the events to queue at once, in their order.
    pub(crate) fn take_to_queue(&mut self) -> Vec<RoomEvent> {
        mem::take(&mut self.to_queue)
    }

    /// Takes the permits of rooms that no longer count among those of their creators.
    pub(crate) fn take_to_give_back(&mut self) -> Vec<Permit<String>> {
        mem::take(&mut self.to_give_back)
    }

    /// Queues events for webhooks, if there are any: with the next record of their room, or at once
    /// if rooms are not saved.
    fn note_events(&mut self, events: &[RoomEvent]) {
        if !self.has_webhooks {
            return;
        }
        for event in events {
            match self.is_saved {
                true => self.unsaved.entry(event.key.room).or_default().push(event.clone()),
                false => self.to_queue.push(event.clone()),
            }
        }
    }

    /// Counts a room that has ended among those that are over, and no longer among the open ones of
    /// its creator.
    fn note_end(&mut self, room: RoomId) {
        let record = self.rooms.room(room);
        if record.is_some_and(|record| record.status() == Status::Open) {
            return;
        }
        self.to_give_back.extend(self.rooms_by_creator.remove(room));
        if let Some(oldest) = record.and_then(|record| self.ended.insert(record)) {
            self.rooms.withdraw(oldest);
            self.save(RecordChange::Forget(oldest));
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
        self.rooms_by_creator.of(creator).filter_map(|id| self.rooms.room(id))
    }

    /// Returns all open rooms, in no particular order.
    pub(crate) fn open_rooms(&self) -> impl ExactSizeIterator<Item = &Arc<Room>> {
        self.rooms_by_creator
            .all()
            .map(|room| self.rooms.room(room).expect("an open room is in the store"))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.rooms.poll_timeout()
    }
}

#[cfg(test)]
#[cfg(feature = "store")]
mod tests {
    use std::path::Path;

    use signal_core::room::{Capacity, IdSuffix, OnCreatorLeave, PasswordTag, RoomSpec, TokenHash};

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
            creator: Some("alice".into()),
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
        let started = Writer::start(file, None, Metrics::new(), Supervisor::new()).await;
        let (writer, Loaded { rooms, .. }) = started.unwrap();
        let most_ended = MostEnded { of_user: 2, without_creator: 2 };
        (Store::new(true, false, most_ended), writer, rooms)
    }

    fn save_all(store: &mut Store, writer: &Writer) {
        let told = OnWritten::new(|written| written.saved.unwrap());
        for (change, _) in store.take_to_save() {
            writer.save(PendingWrite::new(change, Vec::new()), &told);
        }
        store.take_to_give_back().clear();
    }

    #[tokio::test]
    async fn a_room_is_on_disk_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, writer, rooms) = open(folder.path()).await;
        assert_eq!(rooms, []);
        let rooms_of = ConcurrencyLimit::new();
        for number in [1, 2] {
            let permit = rooms_of.acquire("alice".to_owned(), 2);
            let change = RecordChange::PutNew(store.create(room(number), permit).unwrap());
            store.save(change);
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
