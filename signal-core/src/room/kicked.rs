//! Whom a room has kicked, so that a ban after the kick finds its user.

use std::collections::VecDeque;

use super::Seat;
use super::memory::{LONGEST, push};
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::identity::UserId;
use crate::ids::ParticipantId;

/// The last participants that were kicked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct KickedParticipants(VecDeque<KickedParticipant>);

/// A participant that is kicked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct KickedParticipant {
    id: ParticipantId,
    pub(super) user: Option<UserId>,
    /// The epoch of the last password that it may know.
    pub(super) password_epoch: u32,
}

impl KickedParticipant {
    pub(super) fn of(seat: &Seat, password_epoch: u32) -> Self {
        Self { id: seat.id, user: seat.identity.user.clone(), password_epoch }
    }
}

impl KickedParticipants {
    /// Adds one, and keeps the last `most`.
    pub(super) fn push(&mut self, kicked: KickedParticipant, most: usize) {
        push(&mut self.0, kicked, most);
    }

    pub(super) fn get(&self, id: ParticipantId) -> Option<&KickedParticipant> {
        self.0.iter().find(|kicked| kicked.id == id)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.0.iter(), |out, kicked| {
            out.participant(kicked.id);
            out.option(kicked.user.as_ref(), |out, user| out.text(user.as_str()));
            out.u32(kicked.password_epoch);
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidBytes> {
        let kicked = |from: &mut Reader<'_>| {
            Ok(KickedParticipant {
                id: from.participant()?,
                user: from.option(Reader::parsed)?,
                password_epoch: from.u32()?,
            })
        };
        Ok(Self(from.list(LONGEST, kicked)?))
    }
}
