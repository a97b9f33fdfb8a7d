//! One seat in a room.

use std::sync::Arc;

use crate::client::AddressTag;
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::identity::{Attributes, Identity};
use crate::ids::{Attachment, ParticipantId, Ticket};
use crate::message::ParticipantInfo;
use crate::name::DisplayName;
use crate::payload::Payload;
use crate::permissions::Permissions;
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;
use crate::token::TokenHash;

/// A participant's place in the record of a room, from its attach until it leaves.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Seat {
    /// The ticket that its token names.
    pub ticket: Ticket,
    /// The id of the participant.
    pub id: ParticipantId,
    /// The name to show.
    pub name: DisplayName,
    /// The address that it entered from, if the host knew it. A resume from elsewhere does not
    /// change it, so that a guest cannot free a place of its address by moving.
    pub(super) address: Option<AddressTag>,
    /// The identity of the participant. It is not part of the binary record.
    pub identity: Arc<Identity>,
    /// What the participant may do.
    pub permissions: Permissions,
    /// The state that the participant last set, any JSON value. It is not part of the binary
    /// record.
    pub state: Option<Payload>,
    /// The version of the protocol that its socket speaks.
    pub protocol: ProtocolVersion,
    /// Its current socket, or its last one.
    pub attachment: Attachment,
    /// Whether that socket is connected.
    pub presence: Presence,
    /// Rises each time messages to or from the participant are lost, which voids every negotiation
    /// with it.
    pub generation: u32,
    /// The token that resumes the seat, and the previous one, which works until the newer one is
    /// used, since the socket may be lost before its participant has read the newer one.
    pub(super) resume: [Option<TokenHash>; 2],
    /// Whether no message was lost at its last resume.
    pub(super) continued: bool,
}

/// Whether the socket of a seat is connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// The socket is connected.
    Attached,
    /// The socket is lost, and the seat is kept for a while.
    Detached {
        /// When the socket was lost.
        since: Timestamp,
        /// When the seat ends.
        until: Timestamp,
    },
}

impl Seat {
    /// Whether this is the creator's seat.
    pub fn is_creator(&self) -> bool {
        self.ticket == Ticket::Creator
    }

    /// Whether its socket is connected.
    pub fn is_attached(&self) -> bool {
        self.presence == Presence::Attached
    }

    /// What other participants see of this one.
    pub fn participant(&self) -> ParticipantInfo {
        ParticipantInfo {
            id: self.id,
            name: self.name.shared(),
            is_creator: self.is_creator(),
            connected: self.is_attached(),
            state: self.state.clone(),
            attributes: self.identity.attributes.clone(),
            publish: self.permissions.publish,
        }
    }

    /// Whether this is the newest token of the seat, not the one before it.
    pub fn resumes_current(&self, token: TokenHash) -> bool {
        self.resume[0] == Some(token)
    }

    /// Replaces the attributes; `false` if they are the same as before.
    pub(super) fn set_attributes(&mut self, attributes: &Attributes) -> bool {
        let attributes = Some(attributes).filter(|attributes| !attributes.is_empty());
        if self.identity.attributes.as_ref() == attributes {
            return false;
        }
        Arc::make_mut(&mut self.identity).attributes = attributes.cloned();
        true
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.ticket(self.ticket);
        out.participant(self.id);
        out.text(self.name.as_str());
        out.protocol(self.protocol);
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

    pub(super) fn read(from: &mut Reader<'_>, format: u8) -> Result<Self, InvalidBytes> {
        let ticket = from.ticket()?;
        Ok(Self {
            ticket,
            id: from.participant()?,
            name: DisplayName::from_record(from.text()?),
            // Addresses follow at the end of the record, since format 6.
            address: None,
            identity: Arc::default(),
            // They follow at the end of the record too, since format 8.
            permissions: Permissions::default_of(ticket),
            state: match format {
                1 | 2 => from.option(Reader::payload)?,
                _ => None,
            },
            protocol: from.protocol()?,
            attachment: from.attachment()?,
            presence: from
                .option(|from| Ok(Presence::Detached { since: from.time()?, until: from.time()? }))?
                .unwrap_or(Presence::Attached),
            generation: from.u32()?,
            resume: [from.option(Reader::hash)?, from.option(Reader::hash)?],
            continued: from.bool()?,
        })
    }

    /// The tokens that resume it.
    pub(super) fn tokens(&self) -> impl Iterator<Item = TokenHash> {
        self.resume.into_iter().flatten()
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
