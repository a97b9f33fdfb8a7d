//! One room as a plain record, and the operations that change it.
//!
//! A [`Room`] knows nothing of sockets or other rooms. Everything that happens to it is an [`Op`], so that a
//! shared store can apply operations of many nodes to its newest record and settle who wins by version.

mod capacity;
mod departures;
mod door;
mod former_links;
mod new_room;
mod operation;
mod seat;
mod seating;
mod status;
mod stored;
mod view;

use std::sync::Arc;
use std::time::Duration;

pub use self::capacity::{Capacity, InvalidCapacity};
use self::door::Door;
pub use self::new_room::{OnCreatorLeave, RoomSpec};
pub use self::operation::{Admission, Change, Grant, LeaveKind, Op, Receipt, Reject, Rotation};
pub use self::seat::{LeaveReason, Presence, Seat};
use self::seating::{Newcomer, Seating};
pub use self::status::{CloseReason, Status};
use crate::ids::{Attachment, IdSuffix, ParticipantId, RoomId, Ticket};
use crate::time::Timestamp;
use crate::token::TokenHash;

/// A room: who may enter, who sits in it, and until when.
///
/// What it remembers of the past is bounded, the oldest is dropped: how the last 64 seats ended, the last 64 attachments
/// that carried one, and the last 256 tickets of participants that were put out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Room {
    id: RoomId,
    epoch: u64,
    version: u64,
    name: Arc<str>,
    creator: Arc<str>,
    creator_id: ParticipantId,
    on_creator_leave: OnCreatorLeave,
    created_at: Timestamp,
    expires_at: Timestamp,
    status: Status,
    door: Door,
    seating: Seating,
}

impl Room {
    /// How many wrong passwords a room answers until its creator changes the password.
    pub const GUESSES: u8 = door::GUESSES;
    /// How often a creator may change the password.
    pub const ROTATIONS: u8 = door::ROTATIONS;
    /// For how long after its end a room is remembered, so that latecomers learn that it expired and its id is
    /// not given to another room.
    pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

    /// A new, empty room; the creator's id is the first one it issues.
    pub fn create(new: RoomSpec) -> Self {
        let (seating, creator_id) = Seating::new(new.capacity, new.suffix);
        Self {
            id: new.id,
            epoch: new.epoch,
            version: 1,
            name: new.name.into(),
            creator: new.creator.into(),
            creator_id,
            on_creator_leave: new.on_creator_leave,
            created_at: new.created_at,
            expires_at: new.expires_at,
            status: Status::Open,
            door: Door::new(new.password, new.invite),
            seating,
        }
    }

    /// Carries out one operation; seats and rooms whose time has come are ended first.
    ///
    /// The version rises by one if anything changed. An operation that was applied before changes nothing and
    /// gets the same receipt, except `Admit`, of which each is a new request.
    ///
    /// # Errors
    ///
    /// A refusal is the fault of whoever asked for the operation. It may have changed the record all the same:
    /// a wrong password costs a guess.
    pub fn apply(&mut self, op: &Op, now: Timestamp) -> Result<Receipt, Reject> {
        let mut changed = self.end_what_is_due(now);
        let reply = self.carry_out(op, &mut changed, now);
        self.version += u64::from(changed);
        reply
    }

    fn carry_out(
        &mut self,
        op: &Op,
        changed: &mut bool,
        now: Timestamp,
    ) -> Result<Receipt, Reject> {
        match op {
            Op::Admit { by, suffix } => self.admit(*by, *suffix, changed),
            Op::Attach { grant, name, protocol, attachment, resume, suffix } => {
                self.running()?;
                let newcomer = Newcomer {
                    ticket: grant.ticket,
                    promised: self.promised(*grant),
                    name,
                    protocol: *protocol,
                    attachment: *attachment,
                    resume: *resume,
                };
                self.attach(*grant, &newcomer, *suffix, changed)
            }
            Op::Change(change) => self.change(change, changed),
            Op::Close(reason) => {
                self.close(*reason, changed);
                Ok(Receipt::Done)
            }
            Op::Detach { attachment, until } => {
                *changed |= self.seating.detach(*attachment, *until, now);
                Ok(Receipt::Done)
            }
            Op::Kick { participant, rotate } => self.kick(*participant, rotate.as_ref(), changed),
            Op::Leave { attachment, how } => {
                self.leave(*attachment, *how, changed);
                Ok(Receipt::Done)
            }
            Op::Prune => Ok(Receipt::Done),
            Op::Resume { token, next_token, attachment, continues } => {
                self.running()?;
                self.resume(*token, *next_token, *attachment, *continues, changed)
            }
            Op::Update { attachment, name, state } => {
                *changed |= self.seating.update(*attachment, name.as_ref(), state.as_ref());
                Ok(Receipt::Done)
            }
        }
    }

    fn end_what_is_due(&mut self, now: Timestamp) -> bool {
        if self.status != Status::Open {
            return false;
        }
        if self.expires_at <= now {
            self.end(CloseReason::Expired);
            return true;
        }
        self.seating.end_lapsed(now)
    }

    /// Checks what was shown and, before a seat is taken, whether one is free.
    fn admit(
        &mut self,
        by: Admission,
        suffix: IdSuffix,
        changed: &mut bool,
    ) -> Result<Receipt, Reject> {
        match self.status {
            Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
                return Err(Reject::RoomClosed);
            }
            Status::Closed(CloseReason::Expired) | Status::Open => {}
        }
        let guesses_before = self.door.guesses_left();
        let checked = self.door.check(by);
        *changed |= self.door.guesses_left() != guesses_before;
        checked?;
        // What follows is told only to those who know the password or hold the invite.
        self.running()?;
        if self.door.locked() {
            return Err(Reject::RoomLocked);
        }
        let id = self.seating.promise(suffix)?;
        *changed = true;
        Ok(Receipt::Entered { id })
    }

    fn attach(
        &mut self,
        grant: Grant,
        newcomer: &Newcomer<'_>,
        suffix: IdSuffix,
        changed: &mut bool,
    ) -> Result<Receipt, Reject> {
        if let Some(carried) = self.seating.carried(newcomer.attachment) {
            return Ok(Receipt::Entered { id: carried.id });
        }
        self.door.check_grant(grant, self.seating.holds(grant.ticket))?;
        let id = self.seating.attach(newcomer, suffix)?;
        *changed = true;
        Ok(Receipt::Entered { id })
    }

    fn resume(
        &mut self,
        token: TokenHash,
        next_token: TokenHash,
        attachment: Attachment,
        continues: Option<Attachment>,
        changed: &mut bool,
    ) -> Result<Receipt, Reject> {
        let carried = match self.seating.carried(attachment) {
            Some(carried) => carried,
            None => {
                let resumed = self.seating.resume(token, next_token, attachment, continues)?;
                *changed = true;
                resumed
            }
        };
        Ok(Receipt::Resumed { id: carried.id, continued: carried.continued })
    }

    fn promised(&self, grant: Grant) -> ParticipantId {
        match grant.ticket {
            Ticket::Creator => self.creator_id,
            Ticket::Guest(id) => id,
        }
    }

    fn change(&mut self, change: &Change, changed: &mut bool) -> Result<Receipt, Reject> {
        self.running()?;
        if let Some(rotation) = &change.rotate {
            *changed |= self.door.rotate(rotation)?;
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != self.name) {
            self.name = Arc::clone(name);
            *changed = true;
        }
        if let Some(locked) = change.locked {
            *changed |= self.door.lock(locked);
        }
        if let Some(capacity) = change.capacity {
            *changed |= self.seating.resize(capacity);
        }
        if let Some(expires_at) = change.expires_at.filter(|at| *at != self.expires_at) {
            self.expires_at = expires_at;
            *changed = true;
        }
        Ok(Receipt::Done)
    }

    fn kick(
        &mut self,
        participant: ParticipantId,
        rotate: Option<&Rotation>,
        changed: &mut bool,
    ) -> Result<Receipt, Reject> {
        self.running()?;
        let ticket = match self.seating.seat(participant) {
            Some(seat) if seat.is_creator() => return Err(Reject::CreatorStays),
            Some(seat) => Some(seat.ticket),
            // Repeated.
            None if self.seating.departures().reason(participant) == Some(LeaveReason::Kicked) => {
                None
            }
            None => return Err(Reject::ParticipantNotFound),
        };
        if let Some(rotation) = rotate {
            *changed |= self.door.rotate(rotation)?;
        }
        if let Some(ticket) = ticket {
            self.door.revoke(ticket);
            self.seating.remove(LeaveReason::Kicked, |seat| seat.id == participant);
            *changed = true;
        }
        Ok(Receipt::Done)
    }

    fn leave(&mut self, attachment: Attachment, how: LeaveKind, changed: &mut bool) {
        let Some(seat) = self.seating.carried_by(attachment) else { return };
        let is_creator = seat.is_creator();
        match (how, self.on_creator_leave) {
            (LeaveKind::Leave, OnCreatorLeave::Close) if is_creator => {
                self.close(CloseReason::ByCreator, changed);
            }
            (LeaveKind::Leave | LeaveKind::Close, OnCreatorLeave::Close | OnCreatorLeave::Keep) => {
                self.seating.remove(LeaveReason::Left, |seat| seat.attachment == attachment);
                *changed = true;
            }
        }
    }

    fn close(&mut self, reason: CloseReason, changed: &mut bool) {
        if self.status == Status::Open {
            self.end(reason);
            *changed = true;
        }
    }

    fn end(&mut self, reason: CloseReason) {
        self.status = Status::Closed(reason);
        self.seating.clear();
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
