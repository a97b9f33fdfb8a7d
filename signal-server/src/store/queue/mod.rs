//! The events that wait to be sent to webhooks.

#[cfg(feature = "webhooks")]
mod space;

use std::sync::Arc;

use signal_core::RoomId;
use signal_core::room::event::EventKey;

#[cfg(feature = "webhooks")]
pub(crate) use self::space::{Full, QueueSpace, ReservedSpace, Share};

/// An event in the queue for webhooks, as a [`RoomStore`](super::RoomStore) keeps it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QueuedEvent {
    /// The id of the event: at most 128 ASCII characters, and unique for all time.
    pub id: String,
    /// What is sent: JSON of up to a few KiB. It names rooms and users.
    pub body: Vec<u8>,
}

/// An event in the queue, and the space that is reserved for it.
#[derive(Debug)]
pub(crate) struct QueueEntry {
    #[cfg_attr(not(feature = "webhooks"), expect(dead_code, reason = "there are no webhooks"))]
    pub(crate) key: EventKey,
    pub(crate) event: QueuedEvent,
    /// Whether it is sent only once the creator of the room learns of the room. Otherwise the room
    /// is withdrawn, and so is the event.
    pub(crate) awaits_creator: bool,
    #[cfg(feature = "webhooks")]
    #[expect(dead_code, reason = "held for its effect when dropped")]
    pub(crate) space: ReservedSpace,
}

/// A change to the queue.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "webhooks"), expect(dead_code, reason = "there are no webhooks"))]
pub(crate) enum QueueChange {
    /// The event holds, and is sent next.
    Added(Arc<QueueEntry>),
    /// The creator of the room with this epoch learns of the room.
    Kept(RoomId, u64),
    /// The room's record is removed, and the event that it was created if it was not kept.
    Forgotten(RoomId),
}
