//! One room as a plain record, and the operations that change it.
//!
//! A [`Room`] knows nothing of sockets or other rooms. Only an [`Op`] changes it, so that a shared
//! store can apply the operations of many nodes to the newest record, one after the other.

mod access;
mod admission;
mod attach_history;
mod bytes;
mod departures;
mod durability;
pub mod event;
mod id_issuer;
mod kicked;
mod memory;
mod moderation;
mod operation;
mod password_attempts;
mod permission_changes;
mod reject;
mod seat;
mod seats;
mod spec;
mod status;
mod stored;
mod succession;
mod view;

use std::sync::Arc;
use std::time::Duration;

use self::access::Access;
use self::durability::Changes;
pub use self::durability::Durability;
use self::kicked::KickedParticipants;
pub use self::operation::{Admission, Change, Grant, LeaveKind, Op, Outcome, Receipt, Rotation};
use self::permission_changes::PermissionChanges;
pub use self::reject::Reject;
pub use self::seat::{Presence, Seat};
use self::seats::{Newcomer, Seats};
pub use self::spec::{OnCreatorLeave, RoomSpec};
pub use self::status::Status;
pub use crate::capacity::{Capacity, InvalidCapacity};
use crate::codec::LaterFields;
use crate::identity::Attributes;
pub use crate::ids::{Attachment, IdSuffix, Ticket, TicketTag};
use crate::ids::{ParticipantId, RoomId};
pub use crate::reason::{CloseReason, LeaveReason};
use crate::time::Timestamp;
pub use crate::token::{PasswordTag, ResumeToken, TokenHash};

/// A room: who may enter it, who has a seat, and when it ends.
///
/// A room remembers a bounded part of its past: how the last seats ended, the last participants
/// that were kicked, the last attachments that have lost their seat, the last addresses from which
/// somebody entered (of each 64, or as many as it has seats), the tickets of the last 256
/// participants that were kicked, and the last 1,000 whose permissions were changed. When it is
/// over, it remembers who could have resumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Room {
    id: RoomId,
    epoch: u64,
    version: u64,
    name: Arc<str>,
    creator: Option<Arc<str>>,
    creator_id: ParticipantId,
    /// The host's own data; never empty.
    data: Option<Attributes>,
    on_creator_leave: OnCreatorLeave,
    created_at: Timestamp,
    expires_at: Timestamp,
    status: Status,
    /// When it ended, if it has.
    ended_at: Option<Timestamp>,
    access: Access,
    permission_changes: PermissionChanges,
    kicked: KickedParticipants,
    seats: Seats,
    /// What a newer version has written in the record.
    later_fields: LaterFields,
    /// What it has written beside the record, for the nodes of a cluster.
    later_shared_fields: LaterFields,
}

impl Room {
    /// How many wrong passwords a room answers at once.
    pub const PASSWORD_ATTEMPTS: u8 = password_attempts::ROOM;
    /// The time after which a room answers one more wrong password.
    pub const ATTEMPT_EVERY: Duration = password_attempts::EACH;
    /// How often the creator may restore the password attempts of a room.
    pub const RESTORES: u8 = password_attempts::RESTORES;
    /// How long a room is remembered after its end. Latecomers learn that it has expired, and its
    /// id is not given to another room.
    pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

    /// Creates an empty room. The first participant id that it issues is the creator's.
    pub fn create(new: RoomSpec) -> Self {
        let (seats, creator_id) = Seats::new(new.capacity, new.creator.is_some(), new.suffix);
        Self {
            id: new.id,
            epoch: new.epoch,
            version: 1,
            name: new.name.into(),
            creator: new.creator.map(Into::into),
            creator_id,
            data: None,
            on_creator_leave: new.on_creator_leave,
            created_at: new.created_at,
            expires_at: new.expires_at,
            status: Status::Open,
            ended_at: None,
            access: Access::new(new.password, new.invite),
            permission_changes: PermissionChanges::default(),
            kicked: KickedParticipants::default(),
            seats,
            later_fields: LaterFields::default(),
            later_shared_fields: LaterFields::default(),
        }
    }

    /// Applies one operation. Seats and the room end first if their time has come.
    ///
    /// The version rises by one if anything changed. An operation that was applied before changes
    /// nothing and returns the same receipt, with the exceptions that [`Op`] names.
    ///
    /// # Errors
    ///
    /// The room does not permit the operation. The record may have changed all the same: a wrong
    /// password is counted.
    pub fn apply(&mut self, op: &Op, now: Timestamp) -> Result<Receipt, Reject> {
        self.carry_out(op, now).reply
    }

    /// Gives a new room the host's own data, which participants never see. It is part of
    /// [all events](event::RoomEvent::data), from the first one on. Empty data is none.
    #[must_use]
    pub fn with_data(mut self, data: Attributes) -> Self {
        self.data = Some(data).filter(|data| !data.is_empty());
        self
    }

    /// Applies one operation as [`apply`](Self::apply) does, and also returns whether the record
    /// has to be written before the change is announced.
    pub fn carry_out(&mut self, op: &Op, now: Timestamp) -> Outcome {
        let mut changes = Changes::default();
        self.end_what_is_due(&mut changes, now);
        let reply = self.dispatch(op, &mut changes, now);
        self.version += u64::from(changes.any());
        Outcome { reply, durability: changes.durability() }
    }

    fn dispatch(
        &mut self,
        op: &Op,
        changes: &mut Changes,
        now: Timestamp,
    ) -> Result<Receipt, Reject> {
        match op {
            Op::Admit { by, client, suffix } => self.admit(*by, *client, *suffix, changes, now),
            Op::Attach {
                grant,
                name,
                protocol,
                attachment,
                resume,
                client,
                most_of_address,
                suffix,
            } => {
                self.running()?;
                let newcomer = Newcomer {
                    ticket: grant.ticket,
                    promised: self.promised(grant),
                    identity: &grant.identity,
                    permissions: self.permission_changes.apply_to(grant),
                    name,
                    address: client.map(|client| client.address),
                    most_of_address: *most_of_address,
                    protocol: *protocol,
                    attachment: *attachment,
                    resume: *resume,
                };
                self.attach(grant, &newcomer, *client, *suffix, changes)
            }
            Op::Change(change) => self.change(change, changes),
            Op::Close(reason) => {
                self.close(*reason, changes, now);
                Ok(Receipt::Done)
            }
            Op::Detach { attachment, until } => {
                let is_changed = self.seats.detach(*attachment, *until, now);
                changes.note_if(is_changed, Durability::Grouped);
                Ok(Receipt::Done)
            }
            Op::Kick { participant, rotate } => self.kick(*participant, rotate.as_ref(), changes),
            Op::KickUser { user, ban } => self.kick_user(user, *ban, changes),
            Op::Leave { attachment, how } => {
                self.leave(*attachment, *how, changes, now);
                Ok(Receipt::Done)
            }
            Op::Moderate { attachment, moderation } => {
                self.moderate(*attachment, *moderation, changes, now)
            }
            Op::Prune => Ok(Receipt::Done),
            Op::Resume { token, next_token, attachment, continues, client } => {
                if let Err(over) = self.running() {
                    // Only those who were in the room at its end learn that there was one.
                    return Err(if self.was_resumable(*token) {
                        over
                    } else {
                        Reject::ResumeFailed
                    });
                }
                let reply = self.resume(*token, *next_token, *attachment, *continues, changes);
                if reply.is_ok() {
                    let is_new = self.access.know(*client, self.seats.remembered());
                    changes.note_if(is_new, Durability::BeforeAnswer);
                }
                reply
            }
            Op::SetAttributes { participant, attributes } => {
                let seat = self.running_seat(*participant)?;
                changes.note_if(seat.set_attributes(attributes), Durability::BeforeAnswer);
                Ok(Receipt::Done)
            }
            Op::SetName { participant, name } => {
                let seat = self.running_seat(*participant)?;
                changes.note_if(seat.name != *name, Durability::BeforeAnswer);
                seat.name.clone_from(name);
                Ok(Receipt::Done)
            }
            Op::SetPermissions { participant, permissions } => {
                let seat = self.running_seat(*participant)?;
                let (ticket, before) = (seat.ticket, seat.permissions);
                seat.permissions = *permissions;
                let is_noted = self.permission_changes.note(ticket, *permissions);
                let is_changed = is_noted || before != *permissions;
                changes.note_if(is_changed, Durability::BeforeAnswer);
                Ok(Receipt::Done)
            }
            Op::Update { attachment, name, state } => {
                self.seats.update(*attachment, name.as_ref(), state.as_ref(), changes)?;
                Ok(Receipt::Done)
            }
        }
    }

    fn end_what_is_due(&mut self, changes: &mut Changes, now: Timestamp) {
        if self.status != Status::Open {
            return;
        }
        if self.expires_at <= now {
            // Seats that lapsed before the room expired did not end with it.
            self.seats.end_lapsed(self.expires_at);
            self.end(CloseReason::Expired, self.expires_at);
            return changes.note(Durability::Grouped);
        }
        changes.note_if(self.seats.end_lapsed(now), Durability::Grouped);
        changes.note_if(self.access.recover(now), Durability::Grouped);
    }

    fn change(&mut self, change: &Change, changes: &mut Changes) -> Result<Receipt, Reject> {
        self.running()?;
        if let Some(follows) = change.restore_attempts {
            self.access.check_restore(follows)?;
        }
        let mut is_changed = false;
        if let Some(rotation) = &change.rotate {
            is_changed |= self.access.rotate(rotation)?;
        }
        if let Some(follows) = change.restore_attempts {
            is_changed |= self.access.restore(follows);
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != self.name) {
            self.name = Arc::clone(name);
            is_changed = true;
        }
        if let Some(data) = &change.data {
            let data = Some(data).filter(|data| !data.is_empty());
            is_changed |= self.data.as_ref() != data;
            self.data = data.cloned();
        }
        if let Some(locked) = change.locked {
            is_changed |= self.access.lock(locked);
        }
        if let Some(capacity) = change.capacity {
            is_changed |= self.seats.resize(capacity);
        }
        if let Some(expires_at) = change.expires_at.filter(|at| *at != self.expires_at) {
            self.expires_at = expires_at;
            is_changed = true;
        }
        changes.note_if(is_changed, Durability::BeforeAnswer);
        Ok(Receipt::Done)
    }

    fn leave(
        &mut self,
        attachment: Attachment,
        how: LeaveKind,
        changes: &mut Changes,
        now: Timestamp,
    ) {
        let Some(seat) = self.seats.seat_of(attachment) else { return };
        let is_creator = seat.is_creator();
        match (how, self.on_creator_leave) {
            (LeaveKind::Leave, OnCreatorLeave::Close) if is_creator => {
                self.close(CloseReason::ByCreator, changes, now);
            }
            (LeaveKind::Leave | LeaveKind::Close, OnCreatorLeave::Close | OnCreatorLeave::Keep) => {
                self.seats.remove(LeaveReason::Left, |seat| seat.attachment == attachment);
                changes.note(Durability::Grouped);
            }
        }
    }

    fn close(&mut self, reason: CloseReason, changes: &mut Changes, now: Timestamp) {
        if self.status == Status::Open {
            self.end(reason, now);
            changes.note(Durability::BeforeAnswer);
        }
    }

    fn end(&mut self, reason: CloseReason, at: Timestamp) {
        self.status = Status::Closed(reason);
        self.ended_at = Some(at);
        self.seats.clear();
    }

    fn running_seat(&mut self, participant: ParticipantId) -> Result<&mut Seat, Reject> {
        self.running()?;
        self.seats.seat_mut(participant).ok_or(Reject::ParticipantNotFound)
    }

    fn running(&self) -> Result<(), Reject> {
        match self.status {
            Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
                Err(Reject::RoomClosed)
            }
            Status::Closed(CloseReason::Expired) => Err(Reject::RoomExpired),
            Status::Open => Ok(()),
        }
    }
}
