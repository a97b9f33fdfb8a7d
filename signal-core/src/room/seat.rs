//! One place in a room.

use bytes::Bytes;

use crate::ids::{Attachment, ParticipantId, Ticket};
use crate::message::{ParticipantInfo, Payload};
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;
use crate::record::{InvalidRecord, Reader, Writer};
use crate::time::Timestamp;
use crate::token::TokenHash;
use crate::wire;

/// A participant's place in a room, held from its attach until it leaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seat {
    /// What its token names.
    pub ticket: Ticket,
    /// What the others know it by.
    pub id: ParticipantId,
    /// The name to show.
    pub name: DisplayName,
    /// What it last said of itself.
    pub state: Option<Payload>,
    /// How its socket speaks.
    pub protocol: ProtocolVersion,
    /// Its socket, or the one it had last.
    pub attachment: Attachment,
    /// Whether that socket is there.
    pub presence: Presence,
    /// Rises each time messages to or from it were lost, which voids every negotiation with it.
    pub generation: u32,
    /// The token that resumes it, and the one before: it works until the newer one is used.
    pub(super) resume: [Option<TokenHash>; 2],
    /// Whether its last resume lost no message.
    pub(super) continued: bool,
}

/// Whether a seat's socket is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It is.
    Attached,
    /// It was lost, the seat is kept.
    Detached {
        /// When it was lost.
        since: Timestamp,
        /// When the seat is given up.
        until: Timestamp,
    },
}

/// How a seat ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LeaveReason {
    /// Its participant was put out.
    Kicked,
    /// Its participant left.
    Left,
    /// Its socket was lost and did not come back in time.
    Lost,
    /// Its token was used again: the participant is back under another id.
    Replaced,
}

impl Seat {
    /// Whether this is the creator's seat.
    pub fn is_creator(&self) -> bool {
        self.ticket == Ticket::Creator
    }

    /// Whether its socket is there.
    pub fn is_attached(&self) -> bool {
        self.presence == Presence::Attached
    }

    /// The entry for lists of participants.
    pub fn participant(&self) -> ParticipantInfo {
        ParticipantInfo {
            id: self.id,
            name: self.name.shared(),
            is_creator: self.is_creator(),
            connected: self.is_attached(),
            state: self.state.clone(),
        }
    }

    /// Whether that is the newest token of this seat, and not the one before.
    pub fn resumes_current(&self, token: TokenHash) -> bool {
        self.resume[0] == Some(token)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.ticket(self.ticket);
        out.participant(self.id);
        out.text(self.name.as_str());
        out.option(self.state.as_ref(), |out, state| out.bytes(state.as_bytes()));
        out.u8(match self.protocol {
            ProtocolVersion::V1 => 1,
            ProtocolVersion::V2 => 2,
        });
        out.attachment(self.attachment);
        let detached = match self.presence {
            Presence::Attached => None,
            Presence::Detached { since, until } => Some((since, until)),
        };
        out.option(detached, |out, (since, until)| {
            out.time(since);
            out.time(until);
        });
        out.u32(self.generation);
        for token in self.resume {
            out.option(token, Writer::hash);
        }
        out.bool(self.continued);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidRecord> {
        Ok(Self {
            ticket: from.ticket()?,
            id: from.participant()?,
            name: DisplayName::from_record(from.text()?),
            state: from.option(|from| {
                let json = Bytes::copy_from_slice(from.bytes()?);
                wire::payload_from_json(&json).map_err(|_| InvalidRecord::Damaged)
            })?,
            protocol: match from.u8()? {
                1 => ProtocolVersion::V1,
                2 => ProtocolVersion::V2,
                _ => return Err(InvalidRecord::Damaged),
            },
            attachment: from.attachment()?,
            presence: from
                .option(|from| Ok(Presence::Detached { since: from.time()?, until: from.time()? }))?
                .unwrap_or(Presence::Attached),
            generation: from.u32()?,
            resume: [from.option(Reader::hash)?, from.option(Reader::hash)?],
            continued: from.bool()?,
        })
    }

    pub(super) fn opens_with(&self, token: TokenHash) -> bool {
        self.resume.contains(&Some(token))
    }

    pub(super) fn detached_since(&self) -> Option<Timestamp> {
        match self.presence {
            Presence::Attached => None,
            Presence::Detached { since, .. } => Some(since),
        }
    }

    pub(super) fn detached_until(&self) -> Option<Timestamp> {
        match self.presence {
            Presence::Attached => None,
            Presence::Detached { until, .. } => Some(until),
        }
    }

    pub(super) fn lapsed(&self, now: Timestamp) -> bool {
        self.detached_until().is_some_and(|until| until <= now)
    }
}
