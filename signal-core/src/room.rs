//! One room as a plain record, and the operations that change it.
//!
//! A [`Room`] knows nothing of sockets or other rooms. It changes by an [`Op`] only, so that a
//! shared store can apply the operations of many nodes to the newest record, one after the other.

mod access;
mod attach_history;
mod capacity;
mod departures;
mod operation;
mod reject;
mod seat;
mod seats;
mod spec;
mod status;
mod stored;
mod view;

use std::sync::Arc;
use std::time::Duration;

use self::access::Access;
pub use self::capacity::{Capacity, InvalidCapacity};
pub use self::operation::{Admission, Change, Grant, LeaveKind, Op, Receipt, Rotation};
pub use self::reject::Reject;
pub use self::seat::{Presence, Seat};
use self::seats::{Newcomer, Seats};
pub use self::spec::{OnCreatorLeave, RoomSpec};
pub use self::status::Status;
use crate::ids::{Attachment, IdSuffix, ParticipantId, RoomId, Ticket};
use crate::reason::{CloseReason, LeaveReason};
use crate::time::Timestamp;
use crate::token::TokenHash;

/// A room: who may enter it, who has a seat, and when it ends.
///
/// A room remembers a bounded part of its past: how the last 64 seats ended, the last 64
/// attachments that have lost their seat, and the tickets of the last 256 participants that were
/// kicked.
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
    access: Access,
    seats: Seats,
}

impl Room {
    /// How many wrong passwords may be tried until the creator has to change the password.
    pub const GUESSES: u8 = access::GUESSES;
    /// How often a creator may change the password.
    pub const ROTATIONS: u8 = access::ROTATIONS;
    /// How long a room is remembered after its end. Latecomers learn that it has expired, and its
    /// id is not given to another room.
    pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

    /// Creates an empty room. The first participant id that it issues is the creator's.
    pub fn create(new: RoomSpec) -> Self {
        let (seats, creator_id) = Seats::new(new.capacity, new.suffix);
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
            access: Access::new(new.password, new.invite),
            seats,
        }
    }

    /// Applies one operation. Seats and the room end first if their time has come.
    ///
    /// The version rises by one if anything changed. An operation that was applied before changes
    /// nothing and returns the same receipt, except `Admit`, of which each is a new request.
    ///
    /// # Errors
    ///
    /// The room does not permit the operation. The record may have changed all the same: a wrong
    /// password is counted.
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
                *changed |= self.seats.detach(*attachment, *until, now);
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
                *changed |= self.seats.update(*attachment, name.as_ref(), state.as_ref());
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
        self.seats.end_lapsed(now)
    }

    /// Checks the password or invite, and whether a seat is free. No seat is taken yet.
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
        let guesses_before = self.access.guesses_left();
        let checked = self.access.check(by);
        *changed |= self.access.guesses_left() != guesses_before;
        checked?;
        // Below this line the answer tells about the room: only whoever knows the password or has
        // the invite gets here.
        self.running()?;
        if self.access.locked() {
            return Err(Reject::RoomLocked);
        }
        let id = self.seats.promise(suffix)?;
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
        if let Some(receipt) = self.seats.receipt_of(newcomer.attachment) {
            return Ok(Receipt::Entered { id: receipt.id });
        }
        self.access.check_grant(grant, self.seats.holds(grant.ticket))?;
        let id = self.seats.attach(newcomer, suffix)?;
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
        let receipt = match self.seats.receipt_of(attachment) {
            Some(receipt) => receipt,
            None => {
                let resumed = self.seats.resume(token, next_token, attachment, continues)?;
                *changed = true;
                resumed
            }
        };
        Ok(Receipt::Resumed { id: receipt.id, continued: receipt.continued })
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
            *changed |= self.access.rotate(rotation)?;
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != self.name) {
            self.name = Arc::clone(name);
            *changed = true;
        }
        if let Some(locked) = change.locked {
            *changed |= self.access.lock(locked);
        }
        if let Some(capacity) = change.capacity {
            *changed |= self.seats.resize(capacity);
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
        let ticket = match self.seats.seat(participant) {
            Some(seat) if seat.is_creator() => return Err(Reject::CreatorStays),
            Some(seat) => Some(seat.ticket),
            // The kick is repeated: it may still have to rotate the password.
            None if self.seats.departures().reason(participant) == Some(LeaveReason::Kicked) => {
                None
            }
            None => return Err(Reject::ParticipantNotFound),
        };
        if let Some(rotation) = rotate {
            *changed |= self.access.rotate(rotation)?;
        }
        if let Some(ticket) = ticket {
            self.access.revoke(ticket);
            self.seats.remove(LeaveReason::Kicked, |seat| seat.id == participant);
            *changed = true;
        }
        Ok(Receipt::Done)
    }

    fn leave(&mut self, attachment: Attachment, how: LeaveKind, changed: &mut bool) {
        let Some(seat) = self.seats.seat_of(attachment) else { return };
        let is_creator = seat.is_creator();
        match (how, self.on_creator_leave) {
            (LeaveKind::Leave, OnCreatorLeave::Close) if is_creator => {
                self.close(CloseReason::ByCreator, changed);
            }
            (LeaveKind::Leave | LeaveKind::Close, OnCreatorLeave::Close | OnCreatorLeave::Keep) => {
                self.seats.remove(LeaveReason::Left, |seat| seat.attachment == attachment);
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
        self.seats.clear();
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
