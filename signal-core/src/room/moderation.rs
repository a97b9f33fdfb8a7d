//! Kicks and bans, by the host and by moderators.

use super::durability::{Changes, Durability};
use super::kicked::KickedParticipant;
use super::{Change, Receipt, Reject, Room, Rotation, Seat, Status};
use crate::identity::UserId;
use crate::ids::{Attachment, ParticipantId};
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

    /// Kicks a participant. With a new password this is a ban, also of its user if it has one.
    pub(super) fn kick(
        &mut self,
        participant: ParticipantId,
        rotate: Option<&Rotation>,
        changes: &mut Changes,
    ) -> Result<Receipt, Reject> {
        self.running()?;
        let user = match (self.guest_seat(participant)?, self.departure(participant)) {
            (Some(seat), _) => seat.identity.user.clone(),
            // The kick is repeated, or followed by a ban.
            (None, Some(LeaveReason::Kicked)) => {
                self.kicked.get(participant).and_then(|kicked| kicked.user.clone())
            }
            (None, _) => return Err(Reject::ParticipantNotFound),
        };
        let banned = user.filter(|_| rotate.is_some());
        let is_kicked = |seat: &Seat| {
            seat.id == participant || banned.is_some() && seat.identity.user == banned
        };
        if self.seats().iter().any(|seat| seat.is_creator() && is_kicked(seat)) {
            return Err(Reject::CreatorStays);
        }
        let password_epoch = self.password_epoch();
        if let Some(rotation) = rotate {
            changes.note_if(self.access.rotate(rotation)?, Durability::BeforeAnswer);
        }
        if let Some(user) = &banned {
            changes.note_if(self.access.ban(user), Durability::BeforeAnswer);
        }
        self.kick_seats(is_kicked, password_epoch, changes);
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
        if !ban && !self.seats().iter().any(is_user) {
            return Err(Reject::ParticipantNotFound);
        }
        changes.note_if(ban && self.access.ban(user), Durability::BeforeAnswer);
        self.kick_seats(is_user, self.password_epoch(), changes);
        Ok(Receipt::Done)
    }

    /// Kicks a participant for good, or makes an earlier kick of it one for good: bans its user, if
    /// it has one, and voids the password and the invite that others may have given to it.
    fn ban(
        &mut self,
        participant: ParticipantId,
        changes: &mut Changes,
    ) -> Result<Receipt, Reject> {
        let banned = match self.guest_seat(participant)? {
            Some(seat) => KickedParticipant::of(seat, self.password_epoch()),
            None => self.kicked.get(participant).cloned().ok_or(Reject::ParticipantNotFound)?,
        };
        let KickedParticipant { user, mut password_epoch, .. } = banned;
        let is_user = |seat: &Seat| user.is_some() && seat.identity.user == user;
        if self.seats().iter().any(is_user) {
            // The user may have learned the present password for the other seat.
            password_epoch = self.password_epoch();
        }
        match &user {
            Some(user) => drop(self.kick_user(user, true, changes)?),
            None => self.kick_seats(|seat| seat.id == participant, password_epoch, changes),
        }
        // A password that was set since, perhaps by this very ban, is unknown to the participant.
        if password_epoch == self.password_epoch() {
            self.access.void_credentials();
            changes.note(Durability::BeforeAnswer);
        }
        Ok(Receipt::Done)
    }

    /// Ends these seats and voids their tickets. `password_epoch` is that of the last password that
    /// their participants may know.
    fn kick_seats(
        &mut self,
        is_kicked: impl Fn(&Seat) -> bool,
        password_epoch: u32,
        changes: &mut Changes,
    ) {
        let most = self.seats.remembered();
        for seat in self.seats.as_slice().iter().filter(|seat| is_kicked(seat)) {
            self.access.revoke(seat.ticket);
            self.kicked.push(KickedParticipant::of(seat, password_epoch), most);
        }
        let is_changed = self.seats.remove(LeaveReason::Kicked, is_kicked);
        changes.note_if(is_changed, Durability::BeforeAnswer);
    }

    /// The seat of a participant that may be kicked, if it has a seat.
    fn guest_seat(&self, participant: ParticipantId) -> Result<Option<&Seat>, Reject> {
        match self.seats.seat(participant) {
            Some(seat) if seat.is_creator() => Err(Reject::CreatorStays),
            seat => Ok(seat),
        }
    }

    fn lock(&mut self, locked: bool, changes: &mut Changes) -> Result<Receipt, Reject> {
        self.change(&Change { locked: Some(locked), ..Change::default() }, changes)
    }
}
