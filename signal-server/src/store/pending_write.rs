//! A change that waits to be written to disk.

use std::sync::Arc;

use signal_core::{Room, RoomId};

/// The change to make on disk.
#[derive(Clone, Debug)]
pub(crate) enum PendingWrite {
    /// Remove the room's record.
    Forget(RoomId),
    /// Store this record, if the disk works. A new room that cannot be saved is discarded.
    PutNew(Arc<Room>),
    /// Store this record.
    Put(Arc<Room>),
}

impl PendingWrite {
    pub(super) fn room(&self) -> RoomId {
        match self {
            Self::Forget(room) => *room,
            Self::Put(record) | Self::PutNew(record) => record.id(),
        }
    }

    pub(super) fn version(&self) -> u64 {
        match self {
            Self::Forget(_) => u64::MAX,
            Self::Put(record) | Self::PutNew(record) => record.version(),
        }
    }
}
