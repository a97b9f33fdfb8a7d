//! The binary record of a room, and what changes in it when the process that served the room has
//! ended.

use std::sync::Arc;

use super::access::Access;
use super::kicked::KickedParticipants;
use super::permission_changes::PermissionChanges;
use super::seats::Seats;
use super::{OnCreatorLeave, Room, Status};
use crate::codec::{InvalidBytes, LaterFields, Reader, Writer};
use crate::identity::{Attributes, Identity};
use crate::ids::ParticipantId;
use crate::reason::CloseReason;
use crate::time::Timestamp;

impl Room {
    /// Writes the room as a record, for a store that outlives the process.
    ///
    /// The record omits what need not outlive the process: the states of participants, and how much
    /// of the current block of ids is used up. It also omits the
    /// [identities](crate::identity::Identity) of seats, which are written once and not with each
    /// record: see [`identify`](Self::identify). Nodes that share a store need all of that:
    /// [`to_bytes`](Self::to_bytes) writes it too.
    ///
    /// The first byte is the format, by which a later version recognizes it; the second is the
    /// oldest format whose readers understand it. If the room was read from a record of a later
    /// format, the fields that this version does not know are written again. So nodes of two
    /// versions can share a store, as long as the later one only appends fields.
    ///
    /// Keep the record as safe as a password file: it holds the hashes of tokens and the tag of the
    /// password.
    #[must_use]
    pub fn to_record(&self) -> Vec<u8> {
        let mut out = Writer::begin(FORMAT, READABLE_BY, &self.later_fields);
        out.text(self.id.as_str());
        out.u64(self.epoch);
        out.u64(self.version);
        out.text(&self.name);
        out.option(self.creator.as_deref(), Writer::text);
        out.participant(self.creator_id);
        out.u8(match self.on_creator_leave {
            OnCreatorLeave::Close => 0,
            OnCreatorLeave::Keep => 1,
        });
        out.time(self.created_at);
        out.time(self.expires_at);
        out.u8(match self.status {
            Status::Open => 0,
            Status::Closed(reason) => reason.number(),
        });
        out.option(self.ended_at, Writer::time);
        self.access.write(&mut out);
        self.seats.write(&mut out);
        self.access.write_banned(&mut out);
        self.seats.write_addresses(&mut out);
        out.option(self.data.as_ref(), |out, data| data.write(out));
        self.seats.write_permissions(&mut out);
        self.permission_changes.write(&mut out);
        self.kicked.write(&mut out);
        out.end(&self.later_fields)
    }

    /// Reads the record of a room.
    ///
    /// # Errors
    ///
    /// The bytes are not a whole record, or are a record of a newer version. No input makes this
    /// panic.
    pub fn from_record(record: &[u8]) -> Result<Self, InvalidBytes> {
        let mut from = Reader::begin(record, FORMAT, READABLE_BY)?;
        let format = from.format();
        let id = from.parsed()?;
        let (epoch, version) = (from.u64()?, from.u64()?);
        if version > MOST_VERSION {
            return Err(InvalidBytes::Damaged);
        }
        let name = from.text()?.into();
        let creator: Option<Arc<str>> = match format {
            1..=7 => Some(from.text()?.into()),
            _ => from.option(|from| from.text().map(Arc::from))?,
        };
        let creator_id = from.participant()?;
        let on_creator_leave = match from.u8()? {
            0 => OnCreatorLeave::Close,
            1 => OnCreatorLeave::Keep,
            _ => return Err(InvalidBytes::Damaged),
        };
        let created_at = if format == 1 { None } else { Some(from.time()?) };
        let expires_at = from.time()?;
        // Format 1 lacks this, so assume the earliest possible: a room lasts 24 hours at most.
        let created_at = created_at.unwrap_or_else(|| {
            Timestamp::from_millis(expires_at.as_millis().saturating_sub(DAY_MILLIS))
        });
        let status = match from.u8()? {
            0 => Status::Open,
            number => {
                Status::Closed(CloseReason::from_number(number).ok_or_else(|| from.unknown())?)
            }
        };
        let ended_at = match format {
            // These formats lack this, so assume the latest possible.
            1 | 2 => (status != Status::Open).then_some(expires_at),
            _ => from.option(Reader::time)?,
        };
        let has_creator = creator.is_some();
        let mut room = Self {
            id,
            epoch,
            version,
            name,
            creator,
            creator_id,
            data: None,
            on_creator_leave,
            created_at,
            expires_at,
            status,
            ended_at,
            later_fields: LaterFields::default(),
            later_shared_fields: LaterFields::default(),
            access: Access::read(&mut from, format, created_at)?,
            permission_changes: PermissionChanges::default(),
            kicked: KickedParticipants::default(),
            seats: Seats::read(&mut from, format, has_creator)?,
        };
        if format > 3 {
            room.access.read_banned(&mut from)?;
        }
        if format > 5 {
            room.seats.read_addresses(&mut from)?;
        }
        if format > 6 {
            room.data = from.option(Attributes::read)?;
        }
        if format > 7 {
            room.seats.read_permissions(&mut from)?;
            room.permission_changes = PermissionChanges::read(&mut from)?;
        }
        if format > 8 {
            room.kicked = KickedParticipants::read(&mut from)?;
        }
        room.later_fields = from.later_fields()?;
        let is_whole = ended_at.is_some() == (status != Status::Open);
        if is_whole { Ok(room) } else { Err(InvalidBytes::Damaged) }
    }

    /// Sets the identity of a participant after the record was read. It has no effect without a
    /// seat.
    pub fn identify(&mut self, participant: ParticipantId, identity: Identity) {
        if let Some(seat) = self.seats.seat_mut(participant) {
            seat.identity = identity.into();
        }
    }

    /// Detaches every seat, since the sockets are gone with the process that held them. Seats that
    /// can be resumed are kept at least until the given time; the others end.
    pub(crate) fn lose_sockets(&mut self, until: Timestamp, now: Timestamp) {
        if self.status == Status::Open && self.expires_at > now {
            self.version += u64::from(self.seats.lose_sockets(until, now));
        }
    }
}

const FORMAT: u8 = 9;
/// The oldest format whose readers understand a record. Formats since only append fields.
const READABLE_BY: u8 = 8;
/// No room has changed so often. Versions beyond it could overflow.
const MOST_VERSION: u64 = u64::MAX / 2;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
