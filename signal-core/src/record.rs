//! Writing and reading the binary records of rooms, for stores that outlive the process.
//!
//! Numbers are little-endian; texts and lists follow their length.
//! [`Room::to_record`](crate::room::Room::to_record) defines the order of the fields.
//!
//! A record begins with its format and with the oldest format whose readers understand it. A later
//! format appends fields to those of an earlier one. An older reader keeps what it does not know,
//! and writes it back. A list that belongs to seats names the participants, since an older reader
//! may have removed some.

use bytes::Bytes;
use thiserror::Error;

use crate::ids::{Attachment, ConnId, NodeId, ParticipantId, Ticket, TicketTag};
use crate::time::Timestamp;
use crate::token::TokenHash;

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

/// Writes a record, field by field.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins a record of that format, or of the newer one that the later fields are from.
    /// `readable_by` is the oldest format whose readers understand it.
    pub(crate) fn begin(format: u8, readable_by: u8, later: &LaterFields) -> Self {
        Self { bytes: vec![format.max(later.format), readable_by.max(later.readable_by)] }
    }

    /// Ends the record with the fields that this version does not know.
    pub(crate) fn end(mut self, later: &LaterFields) -> Vec<u8> {
        self.bytes.extend_from_slice(&later.fields);
        self.bytes
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn array(&mut self, value: &[u8; 32]) {
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.length(value.len());
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn time(&mut self, value: Timestamp) {
        self.u64(value.as_millis());
    }

    pub(crate) fn participant(&mut self, value: ParticipantId) {
        self.text(value.as_str());
    }

    pub(crate) fn hash(&mut self, value: TokenHash) {
        self.array(value.as_bytes());
    }

    pub(crate) fn attachment(&mut self, value: Attachment) {
        self.u64(value.node.0);
        self.u64(value.conn.0);
    }

    pub(crate) fn ticket(&mut self, value: Ticket) {
        match value {
            Ticket::Creator => self.u8(0),
            Ticket::Guest(id) => {
                self.u8(1);
                self.participant(id);
            }
            Ticket::Host(tag) => {
                self.u8(2);
                self.bytes.extend_from_slice(tag.as_bytes());
            }
        }
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.length(values.len());
        for value in values {
            write(self, value);
        }
    }

    fn length(&mut self, length: usize) {
        self.u32(
            u32::try_from(length).expect("names, states and lists of a room are far below 4 GiB"),
        );
    }
}

/// Reads a record, field by field.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

type Read<T> = Result<T, InvalidRecord>;

impl<'a> Reader<'a> {
    pub(crate) fn new(record: &'a [u8]) -> Self {
        Self { rest: record }
    }

    /// Reads the format. From format `since` on, the oldest format whose readers understand the
    /// record follows it.
    pub(crate) fn format(&mut self, newest: u8, since: u8) -> Read<Format> {
        let format = self.u8()?;
        let readable_by = if format < since { format } else { self.u8()? };
        if readable_by == 0 || readable_by > format {
            return Err(InvalidRecord::Damaged);
        }
        if readable_by > newest {
            return Err(InvalidRecord::Newer { format, newest });
        }
        Ok(Format { format, readable_by, newest })
    }

    /// Reads to the end: nothing, or the fields of a newer format.
    pub(crate) fn later_fields(self, format: Format) -> Read<LaterFields> {
        let Format { format, readable_by, newest } = format;
        if format > newest {
            let fields = Bytes::copy_from_slice(self.rest);
            return Ok(LaterFields { format, readable_by, fields });
        }
        if self.rest.is_empty() { Ok(LaterFields::default()) } else { Err(InvalidRecord::Damaged) }
    }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        let [value] = self.exactly()?;
        Ok(value)
    }

    pub(crate) fn bool(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(InvalidRecord::Damaged),
        }
    }

    pub(crate) fn u16(&mut self) -> Read<u16> {
        self.exactly().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Read<u32> {
        self.exactly().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Read<u64> {
        self.exactly().map(u64::from_le_bytes)
    }

    pub(crate) fn array(&mut self) -> Read<[u8; 32]> {
        self.exactly()
    }

    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.u32()? as usize;
        let (value, rest) = self.rest.split_at_checked(length).ok_or(InvalidRecord::Damaged)?;
        self.rest = rest;
        Ok(value)
    }

    pub(crate) fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| InvalidRecord::Damaged)
    }

    pub(crate) fn time(&mut self) -> Read<Timestamp> {
        self.u64().map(Timestamp::from_millis)
    }

    pub(crate) fn participant(&mut self) -> Read<ParticipantId> {
        self.text()?.parse().map_err(|_| InvalidRecord::Damaged)
    }

    pub(crate) fn hash(&mut self) -> Read<TokenHash> {
        self.array().map(TokenHash::new)
    }

    pub(crate) fn attachment(&mut self) -> Read<Attachment> {
        Ok(Attachment { node: NodeId(self.u64()?), conn: ConnId(self.u64()?) })
    }

    pub(crate) fn ticket(&mut self) -> Read<Ticket> {
        match self.u8()? {
            0 => Ok(Ticket::Creator),
            1 => self.participant().map(Ticket::Guest),
            2 => self.exactly().map(|hash| Ticket::Host(TicketTag::new(hash))),
            _ => Err(InvalidRecord::Damaged),
        }
    }

    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    /// Reads a list of at most that many elements.
    pub(crate) fn list<T, L: FromIterator<T>>(
        &mut self,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<L> {
        let length = self.u32()? as usize;
        if length > most {
            return Err(InvalidRecord::Damaged);
        }
        (0..length).map(|_| read(self)).collect()
    }

    fn exactly<const LENGTH: usize>(&mut self) -> Read<[u8; LENGTH]> {
        let (value, rest) = self.rest.split_first_chunk().ok_or(InvalidRecord::Damaged)?;
        self.rest = rest;
        Ok(*value)
    }
}
