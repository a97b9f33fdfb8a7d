//! Reading bytes.

use std::str::FromStr;

use bytes::Bytes;

use super::{InvalidBytes, LaterFields};
use crate::ids::{Attachment, ConnId, NodeId, ParticipantId, Ticket, TicketTag};
use crate::payload::Payload;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::token::{PasswordTag, TokenHash};

/// Reads bytes, field by field. A length that they claim reserves no memory.
pub(crate) struct Reader<'a> {
    format: u8,
    /// The oldest format whose readers understand the bytes.
    readable_by: u8,
    /// The newest format that this version knows.
    newest: u8,
    rest: &'a [u8],
}

type Read<T> = Result<T, InvalidBytes>;

impl<'a> Reader<'a> {
    /// Begins with the format. From format `since` on, the oldest format whose readers understand
    /// the bytes follows it.
    pub(crate) fn begin(bytes: &'a [u8], newest: u8, since: u8) -> Read<Self> {
        let mut from = Self { format: 0, readable_by: 0, newest, rest: bytes };
        from.format = from.u8()?;
        from.readable_by = if from.format < since { from.format } else { from.u8()? };
        // Readers of older formats do not know of the second byte.
        let oldest = since.min(from.format).max(1);
        if !(oldest..=from.format).contains(&from.readable_by) {
            return Err(InvalidBytes::Damaged);
        }
        if from.readable_by > newest { Err(from.newer()) } else { Ok(from) }
    }

    /// The format of the bytes.
    pub(crate) fn format(&self) -> u8 {
        self.format
    }

    /// Reads to the end: nothing, or the fields of a newer format.
    pub(crate) fn later_fields(self) -> Read<LaterFields> {
        let Self { format, readable_by, newest, rest } = self;
        if format > newest {
            return Ok(LaterFields { format, readable_by, fields: Bytes::copy_from_slice(rest) });
        }
        if rest.is_empty() { Ok(LaterFields::default()) } else { Err(InvalidBytes::Damaged) }
    }

    /// The error for a kind that this version does not know. A newer one may.
    pub(crate) fn unknown(&self) -> InvalidBytes {
        if self.format > self.newest { self.newer() } else { InvalidBytes::Damaged }
    }

    fn newer(&self) -> InvalidBytes {
        InvalidBytes::Newer { format: self.format, newest: self.newest }
    }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        let [value] = self.exactly()?;
        Ok(value)
    }

    pub(crate) fn bool(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(InvalidBytes::Damaged),
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

    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = self.u32()? as usize;
        let (value, rest) = self.rest.split_at_checked(length).ok_or(InvalidBytes::Damaged)?;
        self.rest = rest;
        Ok(value)
    }

    pub(crate) fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| InvalidBytes::Damaged)
    }

    pub(crate) fn time(&mut self) -> Read<Timestamp> {
        self.u64().map(Timestamp::from_millis)
    }

    /// Reads a text that stands for a value.
    pub(crate) fn parsed<T: FromStr>(&mut self) -> Read<T> {
        self.text()?.parse().map_err(|_| InvalidBytes::Damaged)
    }

    pub(crate) fn participant(&mut self) -> Read<ParticipantId> {
        self.parsed()
    }

    pub(crate) fn payload(&mut self) -> Read<Payload> {
        let json = Bytes::copy_from_slice(self.bytes()?);
        Payload::from_json(&json).map_err(|_| InvalidBytes::Damaged)
    }

    pub(crate) fn protocol(&mut self) -> Read<ProtocolVersion> {
        match self.u8()? {
            1 => Ok(ProtocolVersion::V1),
            2 => Ok(ProtocolVersion::V2),
            _ => Err(self.unknown()),
        }
    }

    pub(crate) fn password(&mut self) -> Read<PasswordTag> {
        self.exactly().map(PasswordTag::new)
    }

    pub(crate) fn hash(&mut self) -> Read<TokenHash> {
        self.exactly().map(TokenHash::new)
    }

    pub(crate) fn attachment(&mut self) -> Read<Attachment> {
        Ok(Attachment { node: NodeId(self.u64()?), conn: ConnId(self.u64()?) })
    }

    pub(crate) fn ticket(&mut self) -> Read<Ticket> {
        match self.u8()? {
            0 => Ok(Ticket::Creator),
            1 => self.participant().map(Ticket::Guest),
            2 => self.exactly().map(|hash| Ticket::Host(TicketTag::new(hash))),
            _ => Err(self.unknown()),
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
            return Err(InvalidBytes::Damaged);
        }
        (0..length).map(|_| read(self)).collect()
    }

    fn exactly<const LENGTH: usize>(&mut self) -> Read<[u8; LENGTH]> {
        let (value, rest) = self.rest.split_first_chunk().ok_or(InvalidBytes::Damaged)?;
        self.rest = rest;
        Ok(*value)
    }
}
