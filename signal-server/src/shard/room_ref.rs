//! The room that an operation is for.

use std::sync::Arc;

use signal_core::RoomId;
use signal_core::room::Room;

/// The room that has an id now, or one particular room and no later one with its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomRef {
    pub(crate) id: RoomId,
    epoch: Option<u64>,
}

impl RoomRef {
    pub(crate) fn is(&self, room: &Room) -> bool {
        self.id == room.id() && self.epoch.is_none_or(|epoch| epoch == room.epoch())
    }
}

/// Whichever room has the id now.
impl From<RoomId> for RoomRef {
    fn from(id: RoomId) -> Self {
        Self { id, epoch: None }
    }
}

/// This room alone.
impl From<&Room> for RoomRef {
    fn from(room: &Room) -> Self {
        Self { id: room.id(), epoch: Some(room.epoch()) }
    }
}

/// This room alone.
impl From<&Arc<Room>> for RoomRef {
    fn from(room: &Arc<Room>) -> Self {
        Self::from(&**room)
    }
}
