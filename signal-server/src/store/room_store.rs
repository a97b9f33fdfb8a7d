//! The trait for stores of the host application that outlive the process.

use std::error::Error;
use std::io;

use signal_core::identity::Identity;
use signal_core::room::Room;
use signal_core::{InvalidBytes, ParticipantId, RoomId};
use thiserror::Error;

use super::queue::QueuedEvent;

/// A store that outlives the process, for example a database table. One server at a time can use
/// it.
///
/// It keeps one record for each room and, beside it, the identity of each participant that has one,
/// written when the participant enters or its attributes change. Both are opaque bytes that name
/// their format, and newer versions of this crate read those of older ones. Records contain hashes
/// of tokens and passwords, and identities name your users, so protect both from other readers.
///
/// The methods may block, even in a runtime's `block_on`, because they are called on a thread of
/// their own. [`open_store`](crate::Builder::open_store) waits until it has called
/// [`load`](Self::load) once. After that it calls [`save`](Self::save), each time with all changes
/// that were queued during the previous call.
///
/// An application that needs the contents of a record reads it with
/// [`Room::from_record`](signal_core::room::Room::from_record), which this crate re-exports.
///
/// # The queue for webhooks
///
/// With [webhooks](crate::Builder::webhooks), events wait in a queue until they are delivered. A
/// store that implements [`save_with_queue`](Self::save_with_queue) and
/// [`load_queue`](Self::load_queue) keeps the queue too: an event is stored in the same transaction
/// as the record of the room after it, so that a crash loses neither without the other. With other
/// stores the queue is in memory, and what waits is lost when the process ends.
///
/// # When it fails
///
/// While `save` returns errors or panics, no rooms are created (503 `storage_unavailable`), and
/// everything else continues in memory. The server retries every second with all unsaved changes
/// except new rooms, also for up to 5 s of a [drain](crate::Server::drain). While `save` does not
/// return, requests wait for it until they [time
/// out](crate::Limits::request_patience).
///
/// ```
/// use std::collections::HashMap;
/// use std::convert::Infallible;
/// use signal_server::{RoomId, RoomStore, RoomWrite, Secret, Server, StoredRoom};
///
/// /// Keeps rooms in memory only, unlike a real store.
/// #[derive(Default)]
/// struct Rooms(HashMap<RoomId, StoredRoom>);
///
/// impl RoomStore for Rooms {
///     type Error = Infallible;
///
///     fn load(&mut self) -> Result<Vec<StoredRoom>, Infallible> {
///         Ok(self.0.values().cloned().collect())
///     }
///
///     fn save(&mut self, changes: &[RoomWrite]) -> Result<(), Infallible> {
///         // With a database: all changes in one transaction.
///         for change in changes {
///             match change {
///                 RoomWrite::Put { room, record, seats } => {
///                     let kept = self.0.entry(*room).or_insert_with(|| StoredRoom::new(*room));
///                     kept.record.clone_from(record);
///                     for (participant, identity) in seats {
///                         kept.seats.retain(|(kept, _)| kept != participant);
///                         kept.seats.extend(identity.clone().map(|bytes| (*participant, bytes)));
///                     }
///                 }
///                 RoomWrite::Remove { room } => drop(self.0.remove(room)),
///             }
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder(Secret::new("the secret that your login signs access tokens with"))
///     .open_store(Rooms::default(), &Secret::new("kept as safe as the records, and as long"))
///     .await?;
/// # Ok(())
/// # }
/// ```
pub trait RoomStore: Send + 'static {
    /// The error of a failed call, shown in the log and in [`StoreError`].
    type Error: Error + Send + Sync + 'static;

    /// Returns every stored room.
    ///
    /// # Errors
    ///
    /// The rooms cannot be read. The server does not start.
    fn load(&mut self) -> Result<Vec<StoredRoom>, Self::Error>;

    /// Makes either all of these changes or none. Each is for a different room. The changes must be
    /// durable when this returns.
    ///
    /// # Errors
    ///
    /// The changes may not be durable. The server hands them in again.
    fn save(&mut self, changes: &[RoomWrite]) -> Result<(), Self::Error>;

    /// Does what [`save`](Self::save) does, and in the same transaction changes the queue for
    /// webhooks: either all of these changes are made or none. Called instead of `save` when the
    /// queue changes; then `changes` may be empty.
    ///
    /// By default the queue is not stored.
    ///
    /// # Errors
    ///
    /// The changes may not be durable. The server hands them in again.
    fn save_with_queue(
        &mut self,
        changes: &[RoomWrite],
        queue: &[QueueWrite],
    ) -> Result<(), Self::Error> {
        let _ = queue;
        if changes.is_empty() { Ok(()) } else { self.save(changes) }
    }

    /// Returns every stored event of the queue for webhooks, in any order. Called once after
    /// [`load`](Self::load) if the server has webhooks.
    ///
    /// By default there are none.
    ///
    /// # Errors
    ///
    /// The events cannot be read. The server does not start.
    fn load_queue(&mut self) -> Result<Vec<QueuedEvent>, Self::Error> {
        Ok(Vec::new())
    }
}

/// A room in a [`RoomStore`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRoom {
    /// The room.
    pub room: RoomId,
    /// Its newest record.
    pub record: Vec<u8>,
    /// The identities that are stored beside it, by participant and in any order.
    pub seats: Vec<(ParticipantId, Vec<u8>)>,
}

/// A change to a [`RoomStore`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RoomWrite {
    /// Stores the newest record of a room, replacing an older one.
    Put {
        /// The room.
        room: RoomId,
        /// The record: a few hundred bytes, and more for each participant.
        record: Vec<u8>,
        /// The identities to store beside it, for participants that have entered or have other
        /// attributes; `None` for a participant that has left or has no identity any more, which is
        /// removed if there is one. All others stay.
        seats: Vec<(ParticipantId, Option<Vec<u8>>)>,
    },
    /// Removes the record of a room that ended long ago, and the identities beside it.
    Remove {
        /// The room.
        room: RoomId,
    },
}

/// A change to the queue for webhooks of a [`RoomStore`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QueueWrite {
    /// Stores an event. If one with this id is stored, it is the same event.
    Put(QueuedEvent),
    /// Removes the event with this id, if there is one. It is delivered, or will never be.
    Remove {
        /// The id of the event.
        id: String,
    },
}

/// Why a server cannot be started on a [`RoomStore`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError<E> {
    /// The store cannot read its records.
    #[error("the room store cannot be read: {0}")]
    Load(E),
    /// A record or an identity is damaged, or was written by a newer version.
    #[error("room {room} in the room store: {error}")]
    Record {
        /// The room that it is stored for.
        room: RoomId,
        /// What is wrong with it.
        error: InvalidBytes,
    },
    /// The system cannot start the thread that saves rooms.
    #[error("cannot start the thread that saves rooms: {0}")]
    Thread(io::Error),
}

impl StoredRoom {
    /// Creates a room without a record.
    #[must_use]
    pub fn new(room: RoomId) -> Self {
        Self { room, record: Vec::new(), seats: Vec::new() }
    }

    /// Reads the stored room, with the identities of its seats.
    ///
    /// # Errors
    ///
    /// The bytes are damaged, belong to another room, or were written by a newer version.
    pub fn read(&self) -> Result<Room, InvalidBytes> {
        let mut room = Room::from_record(&self.record)?;
        if room.id() != self.room {
            return Err(InvalidBytes::Damaged);
        }
        for (participant, identity) in &self.seats {
            room.identify(*participant, Identity::from_bytes(identity)?);
        }
        Ok(room)
    }
}
