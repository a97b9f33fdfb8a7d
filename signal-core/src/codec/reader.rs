//! Reading bytes.

use bytes::Bytes;

use super::{Format, InvalidRecord, LaterFields};
use crate::ids::{Attachment, ConnId, NodeId, ParticipantId, Ticket, TicketTag};
use crate::time::Timestamp;
use crate::token::TokenHash;

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
