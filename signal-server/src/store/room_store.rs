//! The trait for stores of the embedding application that outlive the process.

use std::error::Error;
use std::io;

use signal_core::{InvalidRecord, Room, RoomId};
use thiserror::Error;

/// A store that outlives the process, for example a database table. One server at a time can use
/// it.
///
/// It keeps one record for each room, whose contents it need not understand: a record names its
/// format, and newer versions of this crate read the records of older ones. Records contain hashes
/// of tokens and passwords, so protect them from other readers.
///
/// Both methods may block, also in a runtime's `block_on`: they are called on a thread of their own.
/// [`open_store`](crate::Builder::open_store) waits until it has called [`load`](Self::load) once.
/// After that it calls [`save`](Self::save), each time with all changes that were queued during the
/// previous call.
///
/// An application that wants to know what is in a record reads it with
/// [`Room::from_record`](signal_core::Room::from_record), which this crate re-exports.
///
/// # When it fails
///
/// While `save` returns errors or panics, no rooms are created (503 `storage_unavailable`), and
/// everything else continues in memory. The server retries every second with all unsaved changes
/// except new rooms. While `save` does not return, requests wait for it until they [time
/// out](crate::Limits::request_patience).
///
/// ```
/// use std::collections::HashMap;
/// use std::convert::Infallible;
/// use signal_server::{RoomWrite, RoomId, RoomStore, Secret, Server};
///
/// /// Keeps records in memory only, unlike a real store.
/// #[derive(Default)]
/// struct Records(HashMap<RoomId, Vec<u8>>);
///
/// impl RoomStore for Records {
///     type Error = Infallible;
///
///     fn load(&mut self) -> Result<Vec<(RoomId, Vec<u8>)>, Infallible> {
///         Ok(self.0.clone().into_iter().collect())
///     }
///
///     fn save(&mut self, changes: &[RoomWrite]) -> Result<(), Infallible> {
///         // With a database: all changes in one transaction.
///         for change in changes {
///             match change {
///                 RoomWrite::Put { room, record } => drop(self.0.insert(*room, record.clone())),
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
///     .open_store(Records::default(), &Secret::new("kept as safe as the records, and as long"))
///     .await?;
/// # Ok(())
/// # }
/// ```
pub trait RoomStore: Send + 'static {
    /// The error of a failed call, shown in the log and in [`StoreError`].
    type Error: Error + Send + Sync + 'static;

    /// Returns every stored record, with the id of its room.
    ///
    /// # Errors
    ///
    /// The records cannot be read. The server does not start.
    fn load(&mut self) -> Result<Vec<(RoomId, Vec<u8>)>, Self::Error>;

    /// Makes either all of these changes or none. Each is for a different room. They must be
    /// durable when this returns.
    ///
    /// # Errors
    ///
    /// The changes may not be durable. The server hands them in again.
    fn save(&mut self, changes: &[RoomWrite]) -> Result<(), Self::Error>;
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
    },
    /// Removes the record of a room that ended long ago.
    Remove {
        /// The room.
        room: RoomId,
    },
}

/// Why a server cannot be started on a [`RoomStore`].
#[derive(Debug, Error)]
pub enum StoreError<E> {
    /// The store cannot read its records.
    #[error("the room store cannot be read: {0}")]
    Load(E),
    /// A record is damaged, or was written by a newer version.
    #[error("room {room} in the room store: {error}")]
    Record {
        /// The room that the record is stored for.
        room: RoomId,
        /// What is wrong with the record.
        error: InvalidRecord,
    },
    /// The system cannot start the thread that saves rooms.
    #[error("cannot start the thread that saves rooms: {0}")]
    Thread(io::Error),
}

/// Reads all rooms of a store.
pub(super) fn rooms<S: RoomStore>(store: &mut S) -> Result<Vec<Room>, StoreError<S::Error>> {
    let records = store.load().map_err(StoreError::Load)?;
    let read = |(id, record): (RoomId, Vec<u8>)| {
        let room =
            Room::from_record(&record).map_err(|error| StoreError::Record { room: id, error })?;
        if room.id() == id {
            Ok(room)
        } else {
            Err(StoreError::Record { room: id, error: InvalidRecord::Damaged })
        }
    };
    records.into_iter().map(read).collect()
}
