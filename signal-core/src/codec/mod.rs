//! Writing and reading bytes that outlive the process or go to another one: the records of rooms,
//! identities, operations and the frames between nodes.
//!
//! Numbers are little-endian. Texts and lists follow their length, a `u32`. An optional value
//! follows a byte that is 1, or is the byte 0. The function that writes a value defines the order
//! of its fields.
//!
//! Bytes begin with their format and with the oldest format whose readers understand them. A later
//! format appends fields to those of an earlier one. An older reader ignores what it does not know;
//! if it keeps the value, it writes that back. A list that belongs to seats names the participants,
//! since an older reader may have removed some.

mod reader;
mod writer;

use bytes::Bytes;
use thiserror::Error;

pub(crate) use self::reader::Reader;
pub(crate) use self::writer::Writer;

/// Bytes are not what this version of the crate can read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidBytes {
    /// The bytes are cut short, too long, or describe what cannot exist.
    #[error("the bytes are damaged")]
    Damaged,
    /// A newer version of this crate wrote the bytes, in a form or of a kind that older ones cannot
    /// read.
    #[error(
        "a newer version of signal-core has written this, in format {format}; this version reads \
         formats up to {newest}"
    )]
    Newer {
        /// The format of the bytes.
        format: u8,
        /// The newest format that this version reads.
        newest: u8,
    },
}

/// The fields that a newer version of this crate has appended, to be written back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LaterFields {
    /// The format of the bytes; 0 if there are no such fields.
    format: u8,
    /// The oldest format whose readers understand it.
    readable_by: u8,
    fields: Bytes,
}
