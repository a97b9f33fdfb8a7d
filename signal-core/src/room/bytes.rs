//! The byte form of a room, for the nodes of a cluster.

use super::Room;
use crate::codec::{InvalidBytes, Reader, Writer};

impl Room {
    /// Writes the whole room as bytes, for a store that the nodes of a cluster share.
    ///
    /// They hold the [record](Self::to_record) and what it omits: the identities and states of
    /// seats, and which ids are issued. So nothing is lost between nodes, while a record is what
    /// outlives all of them.
    ///
    /// The first byte is the format, 1; the second is the oldest format whose readers understand
    /// it. Fields of a later format are kept, as those of a record are.
    ///
    /// Keep the bytes as safe as a password file: they hold the hashes of tokens and the tag of the
    /// password.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::begin(FORMAT, READABLE_BY, &self.later_shared_fields);
        out.bytes(&self.to_record());
        self.seats.write_shared(&mut out);
        out.end(&self.later_shared_fields)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    ///
    /// The bytes are not a room, or one of a newer version. No input makes this panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBytes> {
        let mut from = Reader::begin(bytes, FORMAT, READABLE_BY)?;
        let mut room = Self::from_record(from.bytes()?)?;
        room.seats.read_shared(&mut from)?;
        room.later_shared_fields = from.later_fields()?;
        Ok(room)
    }
}

const FORMAT: u8 = 1;
/// The oldest format whose readers understand the bytes. Formats since only append fields.
const READABLE_BY: u8 = 1;
