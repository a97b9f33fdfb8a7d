//! The file with the rooms of a data directory.

use std::fs::OpenOptions;
use std::ops::RangeInclusive;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError,
    TableHandle, WriteTransaction,
};
use signal_core::RoomId;

use super::data_dir_error::{DataDirError, Fault};
use super::queue::QueuedEvent;
use super::room_store::{QueueWrite, RoomStore, RoomWrite, StoredRoom};

/// All rooms in one file, which is changed by atomic transactions.
#[derive(Debug)]
pub(crate) struct RoomFile {
    path: PathBuf,
    /// `None` after a failure, since the library then requires the file to be reopened.
    database: Option<Database>,
}

impl RoomFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, DataDirError> {
        let database = open_database(&path)?;
        prepare(&database).map_err(|fault| fault.of(&path))?;
        Ok(Self { path, database: Some(database) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the database out. The caller puts it back after a success.
    fn database(&mut self) -> Result<Database, DataDirError> {
        self.database.take().map_or_else(|| open_database(&self.path), Ok)
    }
}

impl RoomStore for RoomFile {
    type Error = DataDirError;

    fn load(&mut self) -> Result<Vec<StoredRoom>, DataDirError> {
        let database = self.database()?;
        let rooms = read_rooms(&database).map_err(|fault| fault.of(&self.path))?;
        self.database = Some(database);
        Ok(rooms)
    }

    fn save(&mut self, changes: &[RoomWrite]) -> Result<(), DataDirError> {
        self.save_with_queue(changes, &[])
    }

    /// The changes are on disk when this returns.
    fn save_with_queue(
        &mut self,
        changes: &[RoomWrite],
        queue: &[QueueWrite],
    ) -> Result<(), DataDirError> {
        let database = self.database()?;
        write(&database, changes, queue).map_err(|error| Fault::from(error).of(&self.path))?;
        self.database = Some(database);
        Ok(())
    }

    fn load_queue(&mut self) -> Result<Vec<QueuedEvent>, DataDirError> {
        let database = self.database()?;
        let events = read_queue(&database).map_err(|fault| fault.of(&self.path))?;
        self.database = Some(database);
        Ok(events)
    }
}

fn open_database(path: &Path) -> Result<Database, DataDirError> {
    let failed = |error| DataDirError::Io { path: path.to_owned(), error };
    // The file contains hashes of tokens and passwords, so other users must not read it.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(failed)?;
    let opened = Database::builder().set_cache_size(CACHE_BYTES).create(path);
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => DataDirError::InUse { path: path.to_owned() },
        other => Fault::from(redb::Error::from(other)).of(path),
    })
}

/// Marks a new file with the format, and refuses a file of another format. A file that has the
/// format is only read.
fn prepare(database: &Database) -> Result<(), Fault> {
    match format(database)? {
        Some(FORMAT) if has_tables(database)? => Ok(()),
        None | Some(FORMAT) => create_tables(database),
        Some(found) => {
            Err(Fault::Newer(format!("its format is {found}, and this one reads {FORMAT}")))
        }
    }
}

/// The format of a file, or `None` if the file is new.
fn format(database: &Database) -> Result<Option<u32>, Fault> {
    match database.begin_read()?.open_table(ABOUT) {
        Ok(about) => Ok(about.get(FORMAT_KEY)?.map(|format| format.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the file has every table; one of an older version may lack some.
fn has_tables(database: &Database) -> Result<bool, Fault> {
    let names: Vec<_> = database.begin_read()?.list_tables()?.collect();
    let has = |table: &str| names.iter().any(|kept| kept.name() == table);
    Ok(has(ROOMS.name()) && has(SEATS.name()) && has(QUEUE.name()))
}

fn create_tables(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert(FORMAT_KEY, FORMAT)?;
    transaction.open_table(ROOMS)?;
    transaction.open_table(SEATS)?;
    transaction.open_table(QUEUE)?;
    Ok(transaction.commit()?)
}

fn read_rooms(database: &Database) -> Result<Vec<StoredRoom>, Fault> {
    let transaction = database.begin_read()?;
    let (rooms, seats) = (transaction.open_table(ROOMS)?, transaction.open_table(SEATS)?);
    let mut stored = Vec::new();
    for entry in rooms.iter()? {
        let (id, record) = entry?;
        let room: RoomId = id.value().parse().map_err(|_| damaged(id.value(), "a room id"))?;
        let mut identities = Vec::new();
        for entry in seats.range(seats_of(&room))? {
            let (key, identity) = entry?;
            let (_, id) = key.value();
            let participant = id.parse().map_err(|_| damaged(id, "a participant id"))?;
            identities.push((participant, identity.value().to_vec()));
        }
        stored.push(StoredRoom { room, record: record.value().to_vec(), seats: identities });
    }
    Ok(stored)
}

fn read_queue(database: &Database) -> Result<Vec<QueuedEvent>, Fault> {
    let mut events = Vec::new();
    for entry in database.begin_read()?.open_table(QUEUE)?.iter()? {
        let (id, body) = entry?;
        events.push(QueuedEvent { id: id.value().to_owned(), body: body.value().to_vec() });
    }
    Ok(events)
}

fn damaged(text: &str, expected: &str) -> Fault {
    Fault::Damaged(format!("{text} is not {expected}"))
}

fn write(
    database: &Database,
    changes: &[RoomWrite],
    queue: &[QueueWrite],
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    write_rooms(&transaction, changes)?;
    write_queue(&transaction, queue)?;
    Ok(transaction.commit()?)
}

fn write_rooms(transaction: &WriteTransaction, changes: &[RoomWrite]) -> Result<(), redb::Error> {
    let (mut rooms, mut kept) = (transaction.open_table(ROOMS)?, transaction.open_table(SEATS)?);
    for change in changes {
        match change {
            RoomWrite::Put { room, record, seats } => {
                drop(rooms.insert(room.as_str(), record.as_slice())?);
                for (participant, identity) in seats {
                    let key = (room.as_str(), participant.as_str());
                    match identity {
                        Some(identity) => drop(kept.insert(key, identity.as_slice())?),
                        None => drop(kept.remove(key)?),
                    }
                }
            }
            RoomWrite::Remove { room } => {
                drop(rooms.remove(room.as_str())?);
                kept.retain_in(seats_of(room), |_, _| false)?;
            }
        }
    }
    Ok(())
}

fn write_queue(transaction: &WriteTransaction, queue: &[QueueWrite]) -> Result<(), redb::Error> {
    let mut events = transaction.open_table(QUEUE)?;
    for change in queue {
        match change {
            QueueWrite::Put(QueuedEvent { id, body }) => {
                drop(events.insert(id.as_str(), body.as_slice())?);
            }
            QueueWrite::Remove { id } => drop(events.remove(id.as_str())?),
        }
    }
    Ok(())
}

/// The keys of all seats of a room. Ids of participants are ASCII.
fn seats_of(room: &RoomId) -> RangeInclusive<(&str, &str)> {
    (room.as_str(), "")..=(room.as_str(), "\u{7f}")
}

const ABOUT: TableDefinition<'_, &str, u32> = TableDefinition::new("about");
const ROOMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rooms");
/// The identities of participants, by room and participant.
const SEATS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("seats");
/// The events that wait for webhooks, by id.
const QUEUE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("queue");
const FORMAT_KEY: &str = "format";
const FORMAT: u32 = 1;
/// A small cache suffices, since all rooms are in memory.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::room_store::StoreError;

    const ROOM_FILE: &str = "rooms.redb";

    fn opened(folder: &Path) -> Result<RoomFile, DataDirError> {
        let path = folder.join(ROOM_FILE);
        let mut file = RoomFile::open(path.clone())?;
        for stored in file.load()? {
            let room = stored.room;
            let invalid = |error| StoreError::Record { room, error };
            stored.read().map_err(invalid).map_err(|error| DataDirError::of_file(&path, error))?;
        }
        Ok(file)
    }

    /// Changes the file in a way that this version would not.
    fn tampered(folder: &Path, change: impl FnOnce(&WriteTransaction)) -> DataDirError {
        let file = opened(folder).unwrap();
        let transaction = file.database.as_ref().unwrap().begin_write().unwrap();
        change(&transaction);
        transaction.commit().unwrap();
        drop(file);
        opened(folder).unwrap_err()
    }

    #[test]
    fn a_file_of_a_newer_format_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let error = tampered(folder.path(), |transaction| {
            transaction.open_table(ABOUT).unwrap().insert(FORMAT_KEY, FORMAT + 1).unwrap();
        });
        assert!(matches!(&error, DataDirError::Newer { .. }), "{error}");
        assert!(error.to_string().contains("its format is 2, and this one reads 1"), "{error}");
    }

    #[test]
    fn a_record_that_cannot_be_read_is_named() {
        for (record, newer) in [([99_u8, 99].as_slice(), true), (&[], false), (&[1, 2, 3], false)] {
            let folder = tempfile::tempdir().unwrap();
            let error = tampered(folder.path(), |transaction| {
                transaction.open_table(ROOMS).unwrap().insert("ABCDEF", record).unwrap();
            });
            assert_eq!(matches!(error, DataDirError::Newer { .. }), newer, "{error}");
            assert_eq!(matches!(error, DataDirError::Damaged { .. }), !newer, "{error}");
            assert!(error.to_string().contains("ABCDEF"), "{error}");
        }
    }

    #[test]
    fn identities_are_stored_beside_their_room_and_removed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = RoomFile::open(folder.path().join(ROOM_FILE)).unwrap();
        let rooms = ["222222", "333333"].map(|id| id.parse::<RoomId>().unwrap());
        let put = |room, seats| RoomWrite::Put { room, record: vec![1], seats };
        let (anna, ben) = ("p_anna".parse().unwrap(), "p_ben".parse().unwrap());
        let both = || vec![(anna, Some(vec![2])), (ben, Some(vec![3]))];
        file.save(&rooms.map(|room| put(room, both()))).unwrap();
        file.save(&[put(rooms[1], vec![(anna, None)])]).unwrap();
        let seats = |file: &mut RoomFile| {
            file.load().unwrap().into_iter().map(|room| (room.room, room.seats)).collect::<Vec<_>>()
        };
        let all = [(anna, vec![2]), (ben, vec![3])];
        let expected = vec![(rooms[0], all.to_vec()), (rooms[1], all[1..].to_vec())];
        assert_eq!(seats(&mut file), expected);
        file.save(&[RoomWrite::Remove { room: rooms[0] }]).unwrap();
        file.save(&[put(rooms[0], vec![])]).unwrap();
        assert_eq!(seats(&mut file), [(rooms[0], vec![]), (rooms[1], all[1..].to_vec())]);
    }

    #[test]
    fn a_file_that_has_its_tables_is_not_written_to_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(ROOM_FILE);
        drop(opened(folder.path()).unwrap());
        let database = open_database(&path).unwrap();
        let before = fs::read(&path).unwrap();
        prepare(&database).map_err(|fault| fault.of(&path)).unwrap();
        assert!(fs::read(&path).unwrap() == before);
        create_tables(&database).map_err(|fault| fault.of(&path)).unwrap();
        assert!(fs::read(&path).unwrap() != before, "a commit would show");
    }

    #[test]
    fn a_file_that_was_cut_short_is_damaged() {
        for length in [100, 5000] {
            let folder = tempfile::tempdir().unwrap();
            drop(opened(folder.path()).unwrap());
            let path = folder.path().join(ROOM_FILE);
            OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
            let error = opened(folder.path()).unwrap_err();
            assert!(matches!(error, DataDirError::Damaged { .. }), "{length} bytes: {error}");
        }
    }
}
