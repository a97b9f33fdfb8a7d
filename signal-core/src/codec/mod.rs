//! Writing and reading the binary records of rooms, for stores that outlive the process.
//!
//! Numbers are little-endian; texts and lists follow their length.
//! [`Room::to_record`](crate::room::Room::to_record) defines the order of the fields.
//!
//! A record begins with its format and with the oldest format whose readers understand it. A later
//! format appends fields to those of an earlier one. An older reader keeps what it does not know,
//! and writes it back. A list that belongs to seats names the participants, since an older reader
//! may have removed some.

mod reader;
mod writer;

use bytes::Bytes;
use thiserror::Error;

pub(crate) use self::reader::Reader;
pub(crate) use self::writer::Writer;

/// Bytes are not a record that this version of the crate can read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidRecord {
    /// The bytes are cut short, or describe a room that cannot exist.
    #[error("the record is damaged")]
    Damaged,
    /// A newer version of this crate wrote the record, in a form that older ones cannot read.
    #[error("the record has format {format}, and this version reads formats up to {newest}")]
    Newer {
        /// The format of the record.
        format: u8,
        /// The newest format that this version reads.
        newest: u8,
    },
}

/// The fields that a newer version of this crate has appended to a record, to be written back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LaterFields {
    /// The format of the record; 0 if there are no such fields.
    format: u8,
    /// The oldest format whose readers understand it.
    readable_by: u8,
    fields: Bytes,
}

/// The format of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    pub(crate) format: u8,
    readable_by: u8,
    /// The newest one that this version knows.
    newest: u8,
}
