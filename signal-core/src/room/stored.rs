//! A room as bytes, and what becomes of it when the process that served it has ended.

use super::door::Door;
use super::seating::Seating;
use super::{CloseReason, OnCreatorLeave, Room, Status};
use crate::record::{InvalidRecord, Reader, Writer};
use crate::time::Timestamp;

impl Room {
    /// Writes the whole room down, for a store that keeps it beyond the process.
    ///
    /// The first byte is the format, so that a later version can tell what it reads. Keep the record as safe as a
    /// password file: it has the hashes of tokens and the tag of the password.
    #[must_use]
    pub fn to_record(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(FORMAT);
        out.text(self.id.as_str());
        out.u64(self.epoch);
        out.u64(self.version);
        out.text(&self.name);
        out.text(&self.creator);
        out.participant(self.creator_id);
        out.u8(match self.on_creator_leave {
            OnCreatorLeave::Close => 0,
            OnCreatorLeave::Keep => 1,
        });
        out.time(self.created_at);
        out.time(self.expires_at);
        out.u8(match self.status {
            Status::Open => 0,
            Status::Closed(CloseReason::ByAdmin) => 1,
            Status::Closed(CloseReason::ByCreator) => 2,
            Status::Closed(CloseReason::Expired) => 3,
        });
        self.door.write(&mut out);
        self.seating.write(&mut out);
        out.finish()
    }

    /// Reads a room that was written down.
    ///
    /// # Errors
    ///
    /// The bytes are not a whole record, or one of a newer version. Nothing in them makes this panic.
    pub fn from_record(record: &[u8]) -> Result<Self, InvalidRecord> {
        let mut from = Reader::new(record);
        let format = match from.u8()? {
            0 => return Err(InvalidRecord::Damaged),
            format @ 1..=FORMAT => format,
            format => return Err(InvalidRecord::Newer { format, newest: FORMAT }),
        };
        let mut room = Self {
            id: from.text()?.parse().map_err(|_| InvalidRecord::Damaged)?,
            epoch: from.u64()?,
            version: from.u64()?,
            name: from.text()?.into(),
            creator: from.text()?.into(),
            creator_id: from.participant()?,
            on_creator_leave: match from.u8()? {
                0 => OnCreatorLeave::Close,
                1 => OnCreatorLeave::Keep,
                _ => return Err(InvalidRecord::Damaged),
            },
            created_at: if format == 1 { Timestamp::default() } else { from.time()? },
            expires_at: from.time()?,
            status: match from.u8()? {
                0 => Status::Open,
                1 => Status::Closed(CloseReason::ByAdmin),
                2 => Status::Closed(CloseReason::ByCreator),
                3 => Status::Closed(CloseReason::Expired),
                _ => return Err(InvalidRecord::Damaged),
            },
            door: Door::read(&mut from)?,
            seating: Seating::read(&mut from)?,
        };
        if format == 1 {
            // It does not say: as long ago as can be.
            let day = 24 * 60 * 60 * 1000;
            room.created_at =
                Timestamp::from_millis(room.expires_at.as_millis().saturating_sub(day));
        }
        if from.is_at_end() { Ok(room) } else { Err(InvalidRecord::Damaged) }
    }

    /// Every socket is gone with the process that held it: seats that can be resumed are kept until the given moment at
    /// least, whatever was left of their time when it ended; the others end.
    pub(crate) fn lose_sockets(&mut self, until: Timestamp, now: Timestamp) {
        if self.status == Status::Open && self.expires_at > now {
            self.version += u64::from(self.seating.lose_sockets(until, now));
        }
    }
}

const FORMAT: u8 = 2;
