//! A server whose rooms are in a database of your own: here SQLite, through rusqlite.
//!
//! The server keeps all rooms in memory and hands each change to the store, on a thread of its own.
//! A room is in the database before its creation is answered; after a crash, participants resume.
//! The queue for webhooks, of which there are none here, is not in the database: a store keeps it
//! with `save_with_queue` and `load_queue`.
//!
//! ```sh
//! cargo run -p examples --example own_store -- /tmp/rooms.sqlite
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use std::{env, io};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use signal_server::{RoomStore, RoomWrite, Secret, Server, StoredRoom};
use tokio::net::TcpListener;

/// A table with a row for each room, and one with a row for each participant whose identity is
/// known.
struct Rooms(Connection);

impl Rooms {
    fn open(path: PathBuf) -> rusqlite::Result<Self> {
        let database = Connection::open(path)?;
        // What was saved survives a loss of power.
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "full")?;
        database.execute_batch(
            "create table if not exists rooms (id text primary key, record blob not null);
             create table if not exists seats (room text, id text, identity blob not null,
                 primary key (room, id));
             create table if not exists secret (value text not null)",
        )?;
        Ok(Self(database))
    }

    /// The secret that the server derives its keys from. It belongs to the rooms, so it is kept
    /// where they are.
    fn secret(&self) -> rusqlite::Result<Secret> {
        let kept = self.0.query_row("select value from secret", [], |row| row.get(0)).optional()?;
        let secret: String = match kept {
            Some(secret) => secret,
            None => self.0.query_row(
                "insert into secret values (hex(randomblob(32))) returning value",
                [],
                |row| row.get(0),
            )?,
        };
        Ok(Secret::new(secret))
    }
}

impl RoomStore for Rooms {
    type Error = rusqlite::Error;

    fn load(&mut self) -> rusqlite::Result<Vec<StoredRoom>> {
        let mut rooms = self.0.prepare("select id, record from rooms")?;
        let mut seats = self.0.prepare("select id, identity from seats where room = ?1")?;
        let rows = rooms.query_map([], |row| {
            let room = id(row)?;
            let seats =
                seats.query_map([row.get::<_, String>(0)?], |row| Ok((id(row)?, row.get(1)?)))?;
            Ok(StoredRoom { room, record: row.get(1)?, seats: seats.collect::<Result<_, _>>()? })
        })?;
        rows.collect()
    }

    fn save(&mut self, changes: &[RoomWrite]) -> rusqlite::Result<()> {
        let transaction = self.0.transaction()?;
        for change in changes {
            match change {
                RoomWrite::Put { room, record, seats } => {
                    let row = (room.as_str(), record);
                    transaction.execute("insert or replace into rooms values (?1, ?2)", row)?;
                    for (id, identity) in seats {
                        let key = (room.as_str(), id.as_str());
                        transaction
                            .execute("delete from seats where room = ?1 and id = ?2", key)?;
                        let Some(identity) = identity else { continue };
                        let row = (room.as_str(), id.as_str(), identity);
                        transaction.execute("insert into seats values (?1, ?2, ?3)", row)?;
                    }
                }
                RoomWrite::Remove { room } => {
                    transaction.execute("delete from rooms where id = ?1", [room.as_str()])?;
                    transaction.execute("delete from seats where room = ?1", [room.as_str()])?;
                }
            }
        }
        transaction.commit()
    }
}

/// Reads the id in the first column.
fn id<T: FromStr<Err: Error + Send + Sync + 'static>>(row: &Row<'_>) -> rusqlite::Result<T> {
    let text: String = row.get(0)?;
    text.parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).map_or_else(|| "rooms.sqlite".into(), PathBuf::from);
    let mut rooms = Rooms::open(path)?;
    for stored in rooms.load()? {
        // A room can be read without the server.
        let room = stored.read()?;
        println!("room {}: {} with {} seats", room.id(), room.name(), room.seats().len());
    }
    let secret = rooms.secret()?;
    let login = Secret::new("the secret that your login signs access tokens with");
    let server = Server::builder(login).open_store(rooms, &secret).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let day = Duration::from_secs(24 * 3600);
    println!("token {}", server.access_token("alice", None, day).unwrap_or_default());
    let stopped = async {
        let _: io::Result<()> = tokio::signal::ctrl_c().await;
    };
    server.serve(listener, stopped).await;
    Ok(())
}
