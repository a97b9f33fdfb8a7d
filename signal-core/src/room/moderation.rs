//! Kicks and bans, by the host and by moderators.

use super::durability::{Changes, Durability};
use super::{Change, Receipt, Reject, Room, Rotation, Seat, Status};
use crate::identity::UserId;
use crate::ids::{Attachment, ParticipantId, Ticket};
use crate::message::Moderation;
use crate::reason::{CloseReason, LeaveReason};
use crate::time::Timestamp;

impl Room {
    /// Does what a participant asks for, if it may moderate.
    pub(super) fn moderate(
        &mut self,
        by: Attachment,
        moderation: Moderation,
        changes: &mut Changes,
        now: Timestamp,
    ) -> Result<Receipt, Reject> {
        if moderation == Moderation::Close && self.status != Status::Open {
            // The request is repeated, or somebody else was first.
            return Ok(Receipt::Done);
        }
        self.running()?;
        let moderator = self.seats.seat_of(by).filter(|seat| seat.permissions.moderate);
        let is_creator = moderator.ok_or(Reject::NotPermitted)?.is_creator();
        match moderation {
            Moderation::Ban(participant) => self.ban(participant, changes),
            Moderation::Close if is_creator => {
                self.close(CloseReason::ByCreator, changes, now);
                Ok(Receipt::Done)
            }
            Moderation::Close => {
                self.close(CloseReason::ByAdmin, changes, now);
                Ok(Receipt::Done)
            }
            Moderation::Kick(participant) => self.kick(participant, None, changes),
            Moderation::Lock => self.lock(true, changes),
            Moderation::Unlock => self.lock(false, changes),
        }
    }

    pub(super) fn kick(
        &mut self,
        participant: ParticipantId,
        rotate: Option<&Rotation>,
        changes: &mut Changes,
    ) -> Result<Receipt, Reject> {
        self.running()?;
        let ticket = self.kicked_seat(participant)?.map(|seat| seat.ticket);
        if let Some(rotation) = rotate {
            changes.note_if(self.access.rotate(rotation)?, Durability::BeforeAnswer);
        }
        if let Some(ticket) = ticket {
            self.access.revoke(ticket);
            self.seats.remove(LeaveReason::Kicked, |seat| seat.id == participant);
            changes.note(Durability::BeforeAnswer);
        }
        Ok(Receipt::Done)
    }

    pub(super) fn kick_user(
        &mut self,
        user: &UserId,
        ban: bool,
        changes: &mut Changes,
    ) -> Result<Receipt, Reject> {
        self.running()?;
        let is_user = |seat: &Seat| seat.identity.user.as_ref() == Some(user);
        if self.seats().iter().any(|seat| seat.is_creator() && is_user(seat)) {
            return Err(Reject::CreatorStays);
        }
        let seats = self.seats().iter().filter(|seat| is_user(seat));
        let tickets: Vec<Ticket> = seats.map(|seat| seat.ticket).collect();
        if tickets.is_empty() && !ban {
            return Err(Reject::ParticipantNotFound);
        }
        changes.note_if(ban && self.access.ban(user), Durability::BeforeAnswer);
        tickets.into_iter().for_each(|ticket| self.access.revoke(ticket));
        let is_kicked = self.seats.remove(LeaveReason::Kicked, is_user);
        changes.note_if(is_kicked, Durability::BeforeAnswer);
        Ok(Receipt::Done)
    }

    /// Kicks a participant for good: bans its user, if it has one, and voids the password and the
    /// invite that others may have given to it.
    fn ban(
        &mut self,
        participant: ParticipantId,
        changes: &mut Changes,
    ) -> Result<Receipt, Reject> {
        let Some(seat) = self.kicked_seat(participant)? else {
            // A repetition does not void the password that was set since.
            return Ok(Receipt::Done);
        };
        match seat.identity.user.clone() {
            Some(user) => self.kick_user(&user, true, changes)?,
            None => self.kick(participant, None, changes)?,
        };
        self.access.void_credentials();
        changes.note(Durability::BeforeAnswer);
        Ok(Receipt::Done)
    }

    /// The seat of a participant that is to be kicked; `None` if that has been done.
    fn kicked_seat(&self, participant: ParticipantId) -> Result<Option<&Seat>, Reject> {
        match self.seats.seat(participant) {
            Some(seat) if seat.is_creator() => Err(Reject::CreatorStays),
            Some(seat) => Ok(Some(seat)),
            None if self.departure(participant) == Some(LeaveReason::Kicked) => Ok(None),
            None => Err(Reject::ParticipantNotFound),
        }
    }

    fn lock(&mut self, locked: bool, changes: &mut Changes) -> Result<Receipt, Reject> {
        self.change(&Change { locked: Some(locked), ..Change::default() }, changes)
    }
}
