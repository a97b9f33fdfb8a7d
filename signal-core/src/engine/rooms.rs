//! The host's own operations on rooms.

use std::sync::Arc;

use thiserror::Error;

use super::Engine;
use super::saves::Answer;
use crate::client::Client;
use crate::identity::{Attributes, Identity, UserId};
use crate::ids::{IdSuffix, ParticipantId, RoomId, Ticket};
use crate::name::DisplayName;
use crate::permissions::Permissions;
use crate::reason::CloseReason;
use crate::room::{Admission, Change, Grant, Op, Receipt, Reject, Room, RoomSpec, Rotation};
use crate::store::RoomIdTaken;
use crate::time::Timestamp;

/// Why a room was not created.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CreateError {
    /// A room with that id exists, or is over and still remembered. Try another id.
    #[error(transparent)]
    IdTaken(#[from] RoomIdTaken),
    /// Its capacity is above
    /// [`HubConfig::max_capacity`](crate::config::HubConfig::max_capacity).
    #[error("the room is larger than `HubConfig::max_capacity`")]
    TooLarge,
}

impl Engine {
    /// Adds a new room. One with a [chosen](RoomId::chosen) id may take the place of a room that is
    /// over.
    ///
    /// # Errors
    ///
    /// The room's id is taken, or the room is too large.
    pub fn create(&mut self, room: RoomSpec) -> Result<Arc<Room>, CreateError> {
        if !self.config.hub.permits(room.capacity) {
            return Err(CreateError::TooLarge);
        }
        let created_at = room.created_at;
        let room = self.store.create(Room::create(room))?;
        if self.config.saves {
            self.saves.put(room.id(), Some(Arc::clone(&room)));
        }
        self.add_events(room.id(), room.events_since(None, created_at));
        Ok(room)
    }

    /// Adds a room that an earlier process has written, with the identities of its seats. The
    /// sockets are gone with that process; participants that spoke v2 may resume for a while. The
    /// room is written again only if somebody had a socket.
    ///
    /// A room above [`HubConfig::max_capacity`](crate::config::HubConfig::max_capacity) is added as
    /// it is, though the limits may be too low for it: raise them, or [`change`](Self::change) its
    /// capacity.
    ///
    /// # Errors
    ///
    /// The room's id is taken.
    pub fn restore(
        &mut self,
        mut room: Room,
        seats: impl IntoIterator<Item = (ParticipantId, Identity)>,
        now: Timestamp,
    ) -> Result<(), RoomIdTaken> {
        for (participant, identity) in seats {
            room.identify(participant, identity);
        }
        let applied = self.store.restore(room, self.config.restart_grace, now)?;
        self.settle(applied, Answer::Record, now);
        Ok(())
    }

    /// Admits a newcomer who has the password or the invite, or whom the host admits. The grant
    /// opens a connection, also to a locked room if the host lets the newcomer pass the lock.
    /// `random` is a random number.
    ///
    /// # Errors
    ///
    /// The room refuses the newcomer.
    pub fn admit(
        &mut self,
        room: RoomId,
        by: impl Into<Admission>,
        client: Option<Client>,
        random: u32,
        now: Timestamp,
    ) -> Result<Grant, Reject> {
        let (by, suffix) = (by.into(), IdSuffix::new(random));
        let reply = self.apply(room, &Op::Admit { by, client, suffix }, now);
        let grant = |ticket| match self.room(room) {
            Some(room) => Grant::new(ticket, room.password_epoch()).for_epoch(room.epoch()),
            None => Grant::new(ticket, 0),
        };
        let passes_lock = by == Admission::Host { passes_lock: true };
        match reply? {
            Receipt::Entered { id } => Ok(Grant { passes_lock, ..grant(Ticket::Guest(id)) }),
            Receipt::Done | Receipt::Resumed { .. } => unreachable!("`Admit` promises an id"),
        }
    }

    /// Changes the settings of a room.
    ///
    /// # Errors
    ///
    /// The room is over or would be too large, or does not permit the change.
    pub fn change(&mut self, room: RoomId, change: Change, now: Timestamp) -> Result<(), Reject> {
        if change.capacity.is_some_and(|capacity| !self.config.hub.permits(capacity)) {
            return Err(Reject::RoomTooLarge);
        }
        self.apply(room, &Op::Change(change), now).map(drop)
    }

    /// Kicks a participant. With a new password it is a ban: the participant cannot join again with
    /// the old one, and if it has a user, all seats of the user are kicked and the user is banned.
    ///
    /// # Errors
    ///
    /// There is no such participant, or it is the creator, or a ban would be of the creator's user.
    pub fn kick(
        &mut self,
        room: RoomId,
        participant: ParticipantId,
        rotate: Option<Rotation>,
        now: Timestamp,
    ) -> Result<(), Reject> {
        self.apply(room, &Op::Kick { participant, rotate }, now).map(drop)
    }

    /// Kicks every participant of a user. With `ban` no grant of that user is valid for this room
    /// any more. A room keeps the last 256 banned users.
    ///
    /// # Errors
    ///
    /// The user is the creator, or, without `ban`, is not in the room.
    pub fn kick_user(
        &mut self,
        room: RoomId,
        user: UserId,
        ban: bool,
        now: Timestamp,
    ) -> Result<(), Reject> {
        self.apply(room, &Op::KickUser { user, ban }, now).map(drop)
    }

    /// Replaces the attributes of a participant, which v2 participants learn. A socket that the
    /// participant opens with an older token has those of the token again.
    ///
    /// # Errors
    ///
    /// There is no such participant.
    pub fn set_attributes(
        &mut self,
        room: RoomId,
        participant: ParticipantId,
        attributes: Attributes,
        now: Timestamp,
    ) -> Result<(), Reject> {
        self.apply(room, &Op::SetAttributes { participant, attributes }, now).map(drop)
    }

    /// Replaces the name of a participant, which the others learn. It lasts as long as the seat: a
    /// newer socket with its token brings the previous name back.
    ///
    /// # Errors
    ///
    /// There is no such participant.
    pub fn set_name(
        &mut self,
        room: RoomId,
        participant: ParticipantId,
        name: DisplayName,
        now: Timestamp,
    ) -> Result<(), Reject> {
        self.apply(room, &Op::SetName { participant, name }, now).map(drop)
    }

    /// Replaces the permissions of a participant, from its next message on. The change holds for
    /// the participant's ticket: neither its token nor a newer one for the same seat undoes it. A
    /// room keeps the last 1,000 such changes.
    ///
    /// # Errors
    ///
    /// There is no such participant.
    pub fn set_permissions(
        &mut self,
        room: RoomId,
        participant: ParticipantId,
        permissions: Permissions,
        now: Timestamp,
    ) -> Result<(), Reject> {
        self.apply(room, &Op::SetPermissions { participant, permissions }, now).map(drop)
    }

    /// Ends a room.
    ///
    /// # Errors
    ///
    /// There is no such room.
    pub fn close(
        &mut self,
        room: RoomId,
        reason: CloseReason,
        now: Timestamp,
    ) -> Result<(), Reject> {
        self.apply(room, &Op::Close(reason), now).map(drop)
    }

    /// The newest record of a room, even if the room is over and still remembered.
    pub fn room(&self, id: RoomId) -> Option<&Arc<Room>> {
        self.store.room(id)
    }

    /// All rooms in the order of their ids, including those that are over and still remembered.
    pub fn rooms(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.store.rooms()
    }

    /// Applies an operation of the host, and tells the participants.
    pub(super) fn apply(
        &mut self,
        room: RoomId,
        op: &Op,
        now: Timestamp,
    ) -> Result<Receipt, Reject> {
        let applied = self.store.apply(room, op, now);
        let reply = applied.reply;
        self.settle(applied, Answer::Record, now);
        self.drain(now);
        reply
    }
}
