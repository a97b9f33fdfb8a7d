//! A change that waits to be written to disk.

use std::sync::Arc;

use signal_core::RoomId;
use signal_core::room::Room;

use super::queue::QueueEntry;

/// The change to make on disk to a room, and the events to queue for webhooks with it.
#[derive(Clone, Debug)]
pub(crate) struct PendingWrite {
    pub(super) change: RecordChange,
    /// In order.
    pub(super) events: Vec<Arc<QueueEntry>>,
}

/// The change to make to the record of a room.
#[derive(Clone, Debug)]
pub(crate) enum RecordChange {
    /// Remove the room's record.
    Forget(RoomId),
    /// Store this record, if the disk works. A new room that cannot be saved is discarded.
    PutNew(Arc<Room>),
    /// Store this record.
    Put(Arc<Room>),
}

impl PendingWrite {
    pub(crate) fn new(change: RecordChange, events: Vec<Arc<QueueEntry>>) -> Self {
        Self { change, events }
    }

    /// The write that replaces this one and an older one of the same room that is not done yet. It
    /// has the newer record and the events of both.
    pub(super) fn after(mut self, older: Self) -> Self {
        let Self { change, events } = older;
        self.change = match (change, self.change) {
            (RecordChange::PutNew(_), RecordChange::Put(record)) => RecordChange::PutNew(record),
            // Nobody has heard of the room.
            (RecordChange::PutNew(_), RecordChange::Forget(room)) => {
                return Self { change: RecordChange::Forget(room), events: Vec::new() };
            }
            (_, newer) => newer,
        };
        self.events.splice(0..0, events);
        self
    }

    pub(super) fn is_new(&self) -> bool {
        matches!(self.change, RecordChange::PutNew(_))
    }
}

impl RecordChange {
    pub(crate) fn room(&self) -> RoomId {
        match self {
            Self::Forget(room) => *room,
            Self::Put(record) | Self::PutNew(record) => record.id(),
        }
    }

    /// The version of the record; the highest version if it is removed.
    pub(super) fn version(&self) -> u64 {
        match self {
            Self::Forget(_) => u64::MAX,
            Self::Put(record) | Self::PutNew(record) => record.version(),
        }
    }
}
