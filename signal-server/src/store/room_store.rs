//! Where rooms are kept beyond the process, as an embedder may choose.

use std::error::Error;
use std::io;

use signal_core::{InvalidRecord, Room, RoomId};
use thiserror::Error;

/// A place that keeps rooms beyond the process: a table of a database, say. For one server at a time.
///
/// It keeps one record for each room, and need not know what is in it: a record names its format, and newer versions
/// read those of older ones. A record holds hashes of tokens and passwords, so that it is nobody else's to read.
///
/// Both methods may block. [`load`](Self::load) is called once, by [`open_store`](crate::Builder::open_store);
/// after it [`save`](Self::save), from a thread of its own, with whatever has queued up while the save before was under
/// way.
///
/// # When it fails
///
/// While `save` returns an error or panics, no rooms are created (503 `storage_unavailable`); everything else goes on in
/// memory. Each second the next save is tried, with everything that the failed ones had except new rooms. While it does
/// not return, whoever waits for it goes on waiting, until its request takes [too long](crate::Limits).
///
/// ```
/// use std::collections::HashMap;
/// use std::convert::Infallible;
/// use signal_server::{RoomWrite, RoomId, RoomStore, Secret, Server};
///
/// /// Keeps nothing beyond the process, unlike a real one.
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
///         // In a database: all of it in one transaction.
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
///     .open_store(Records::default(), &Secret::new("kept as safe as the records, and as long"))?;
/// # Ok(())
/// # }
/// ```
pub trait RoomStore: Send + 'static {
    /// What is told of a failure, in the log and by [`StoreError`].
    type Error: Error + Send + Sync + 'static;

    /// Every record that is kept, with the room it is of.
    ///
    /// # Errors
    ///
    /// They cannot be read; the server does not start.
    fn load(&mut self) -> Result<Vec<(RoomId, Vec<u8>)>, Self::Error>;

    /// Makes all of these changes or none, of which each is for another room. They are kept when it returns.
    ///
    /// # Errors
    ///
    /// They are not kept, or perhaps not; they will be handed in again.
    fn save(&mut self, changes: &[RoomWrite]) -> Result<(), Self::Error>;
}

/// What is to be changed in a [`RoomStore`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RoomWrite {
    /// This is the room's newest record, in place of the one before if there is one.
    Put {
        /// The room.
        room: RoomId,
        /// A few hundred bytes, and more for each participant.
        record: Vec<u8>,
    },
    /// The room has long been over and is to be forgotten.
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
    /// A record is not what was saved, or is of a newer version.
    #[error("room {room} in the room store: {error}")]
    Record {
        /// The room it was kept for.
        room: RoomId,
        /// What is wrong with it.
        error: InvalidRecord,
    },
    /// The system has no thread left to save with.
    #[error("cannot start the thread that saves rooms: {0}")]
    Thread(io::Error),
}

/// Reads all rooms of a store.
pub(crate) fn rooms<S: RoomStore>(store: &mut S) -> Result<Vec<Room>, StoreError<S::Error>> {
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
