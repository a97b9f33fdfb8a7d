//! One room as a plain record, and the operations that change it.
//!
//! A [`Room`] knows nothing of sockets or other rooms. Everything that happens to it is an [`Op`], so that a
//! shared store can apply operations of many nodes to its newest record and settle who wins by version.

mod operation;
mod seat;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use self::operation::{Op, Receipt, Reject};
pub use self::seat::{Presence, Seat};
use crate::ids::{IdSuffix, Link, ParticipantId, RoomId, Ticket};
use crate::language::Language;
use crate::name::DisplayName;
use crate::password::PasswordTag;
use crate::time::Timestamp;

/// A room: who may enter, who sits in it, and until when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Room {
    id: RoomId,
    epoch: u64,
    version: u64,
    name: Arc<str>,
    creator: Arc<str>,
    creator_id: ParticipantId,
    password: PasswordTag,
    guesses_left: u8,
    capacity: Capacity,
    expires_at: Timestamp,
    status: Status,
    /// Ids still to be issued; the next one is numbered one below.
    ids_left: u32,
    lowest_entered: Option<ParticipantId>,
    /// In order of entry, so by descending id.
    seats: Vec<Seat>,
}

/// What a room is created with.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// The room's number.
    pub id: RoomId,
    /// A random number that tells this room from an earlier one of the same id.
    pub epoch: u64,
    /// The name to show.
    pub name: String,
    /// Who created it, in the host's own terms (the subject of an access token); never shown to participants.
    pub creator: String,
    /// The tag of the password.
    pub password: PasswordTag,
    /// How many participants fit.
    pub capacity: Capacity,
    /// When the room ends.
    pub expires_at: Timestamp,
    /// The random part of the creator's participant id.
    pub suffix: IdSuffix,
}

/// Whether a room is still running.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It is over.
    Closed(CloseReason),
    /// It is running.
    Open,
}

/// Why a room is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CloseReason {
    /// Its creator closed it or left.
    ByCreator,
    /// Its time was over.
    Expired,
}

impl CloseReason {
    /// The text for people.
    pub fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::ByCreator, Language::En) => "the creator closed the room",
            (Self::ByCreator, Language::Zh) => "创建者关闭了房间",
            (Self::Expired, Language::En) => "the room has expired",
            (Self::Expired, Language::Zh) => "房间已过期",
        }
    }
}

impl Room {
    /// How many wrong passwords a room answers in its life.
    pub const GUESSES: u8 = 20;
    /// For how long after its end a room is remembered, so that latecomers learn that it expired and its id is
    /// not given to another room.
    pub const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

    /// A new, empty room; the creator's id is the first one it issues.
    pub fn create(new: NewRoom) -> Self {
        let ids_left = ParticipantId::PER_ROOM - 1;
        Self {
            id: new.id,
            epoch: new.epoch,
            version: 1,
            name: new.name.into(),
            creator: new.creator.into(),
            creator_id: ParticipantId::issue(ids_left, new.suffix),
            password: new.password,
            guesses_left: Self::GUESSES,
            capacity: new.capacity,
            expires_at: new.expires_at,
            status: Status::Open,
            ids_left,
            lowest_entered: None,
            seats: Vec::new(),
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
        let reply = match op {
            Op::Admit { password, suffix } => self.admit(*password, *suffix, &mut changed),
            Op::Attach { ticket, name, link, suffix } => {
                self.attach(*ticket, name, *link, *suffix, &mut changed)
            }
            Op::Close => self.close(CloseReason::ByCreator, &mut changed),
            Op::Detach { link, until } => self.detach(*link, *until, &mut changed, now),
            Op::Leave { link } => self.leave(*link, &mut changed),
            Op::Prune => Ok(Receipt::Done),
        };
        self.version += u64::from(changed);
        reply
    }

    fn end_what_is_due(&mut self, now: Timestamp) -> bool {
        if self.status != Status::Open {
            return false;
        }
        if self.expires_at <= now {
            self.end(CloseReason::Expired);
            return true;
        }
        let before = self.seats.len();
        self.seats.retain(|seat| !seat.lapsed(now));
        self.seats.len() != before
    }

    /// Checks the password and, before a seat is taken, whether one is free.
    fn admit(
        &mut self,
        password: PasswordTag,
        suffix: IdSuffix,
        changed: &mut bool,
    ) -> Result<Receipt, Reject> {
        if self.status == Status::Closed(CloseReason::ByCreator) {
            return Err(Reject::RoomClosed);
        }
        if self.guesses_left == 0 {
            return Err(Reject::PasswordLocked);
        }
        if password != self.password {
            self.guesses_left -= 1;
            *changed = true;
            return Err(Reject::WrongPassword);
        }
        // What follows is told only to those who know the password.
        self.running()?;
        let attached = self.seats.iter().filter(|seat| !seat.is_creator() && seat.is_attached()).count();
        if attached >= self.capacity.guests() {
            return Err(Reject::RoomFull);
        }
        let id = self.issue(suffix)?;
        *changed = true;
        Ok(Receipt::Entered { id })
    }

    /// Seats a socket, as the newest of the room; an older socket with the same ticket loses its seat.
    fn attach(
        &mut self,
        ticket: Ticket,
        name: &DisplayName,
        link: Link,
        suffix: IdSuffix,
        changed: &mut bool,
    ) -> Result<Receipt, Reject> {
        if let Some(seat) = self.seats.iter().find(|seat| seat.presence == Presence::Attached(link)) {
            return Ok(Receipt::Entered { id: seat.id });
        }
        self.running()?;
        let evicted = self.make_room_for(ticket)?;
        let promised = match ticket {
            Ticket::Creator => self.creator_id,
            Ticket::Guest(id) => id,
        };
        let is_smallest = self.lowest_entered.is_none_or(|lowest| promised < lowest);
        let id = if is_smallest { promised } else { self.issue(suffix)? };
        self.seats.retain(|seat| seat.ticket != ticket && Some(seat.id) != evicted);
        self.seats.push(Seat { ticket, id, name: name.clone(), presence: Presence::Attached(link) });
        self.lowest_entered = Some(id);
        *changed = true;
        Ok(Receipt::Entered { id })
    }

    /// Finds out who has to go for a newcomer: nobody, or the guest that has been detached for longest.
    fn make_room_for(&self, ticket: Ticket) -> Result<Option<ParticipantId>, Reject> {
        let guests = self.seats.iter().filter(|seat| !seat.is_creator() && seat.ticket != ticket);
        if ticket == Ticket::Creator || guests.clone().count() < self.capacity.guests() {
            return Ok(None);
        }
        let longest_detached = guests.filter_map(|seat| Some((seat.detached_since()?, seat.id))).min();
        longest_detached.map(|(_, id)| Some(id)).ok_or(Reject::RoomFull)
    }

    fn detach(
        &mut self,
        link: Link,
        until: Timestamp,
        changed: &mut bool,
        now: Timestamp,
    ) -> Result<Receipt, Reject> {
        let Some(index) = self.seat_of(link) else { return Ok(Receipt::Done) };
        self.seats[index].presence = Presence::Detached { since: now, until };
        self.seats.retain(|seat| !seat.lapsed(now));
        *changed = true;
        Ok(Receipt::Done)
    }

    fn leave(&mut self, link: Link, changed: &mut bool) -> Result<Receipt, Reject> {
        let Some(index) = self.seat_of(link) else { return Ok(Receipt::Done) };
        if self.seats[index].is_creator() {
            return self.close(CloseReason::ByCreator, changed);
        }
        self.seats.remove(index);
        *changed = true;
        Ok(Receipt::Done)
    }

    fn close(&mut self, reason: CloseReason, changed: &mut bool) -> Result<Receipt, Reject> {
        if self.status == Status::Open {
            self.end(reason);
            *changed = true;
        }
        Ok(Receipt::Done)
    }

    fn end(&mut self, reason: CloseReason) {
        self.status = Status::Closed(reason);
        self.seats.clear();
    }

    fn issue(&mut self, suffix: IdSuffix) -> Result<ParticipantId, Reject> {
        self.ids_left = self.ids_left.checked_sub(1).ok_or(Reject::IdsExhausted)?;
        Ok(ParticipantId::issue(self.ids_left, suffix))
    }

    fn running(&self) -> Result<(), Reject> {
        match self.status {
            Status::Closed(CloseReason::ByCreator) => Err(Reject::RoomClosed),
            Status::Closed(CloseReason::Expired) => Err(Reject::RoomExpired),
            Status::Open => Ok(()),
        }
    }

    fn seat_of(&self, link: Link) -> Option<usize> {
        self.seats.iter().position(|seat| seat.presence == Presence::Attached(link))
    }

    /// The room's number.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// Tells this room from an earlier one of the same id.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Counts the changes; of two records of one epoch the higher version is the newer.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who created the room, in the host's own terms.
    pub fn creator(&self) -> &str {
        &self.creator
    }

    /// The id the creator enters with, unless somebody has entered before.
    pub fn creator_id(&self) -> ParticipantId {
        self.creator_id
    }

    /// How many participants fit.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// When the room ends.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether the room is still running.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Everybody with a seat, oldest first, so by descending id.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// The seat of that participant.
    pub fn seat(&self, id: ParticipantId) -> Option<&Seat> {
        let index = self.seats.binary_search_by(|seat| id.cmp(&seat.id)).ok()?;
        Some(&self.seats[index])
    }

    /// When [`Op::Prune`] has something to do; `None` once the room is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.status != Status::Open {
            return None;
        }
        let lapse = self.seats.iter().filter_map(Seat::detached_until).min();
        Some(lapse.map_or(self.expires_at, |lapse| lapse.min(self.expires_at)))
    }

    /// When a room that is over may be forgotten; `None` while it runs.
    pub fn forgotten_at(&self) -> Option<Timestamp> {
        (self.status != Status::Open).then(|| self.expires_at + Self::REMEMBERED)
    }
}

/// How many participants a room holds, the creator among them: 1 to 50, by default 10.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Capacity(u8);

impl Capacity {
    /// The largest room.
    pub const MAX: u8 = 50;

    /// # Errors
    ///
    /// The number is not within 1 to 50.
    pub fn new(participants: u8) -> Result<Self, InvalidCapacity> {
        if (1..=Self::MAX).contains(&participants) { Ok(Self(participants)) } else { Err(InvalidCapacity) }
    }

    /// The number of participants.
    pub fn participants(self) -> u8 {
        self.0
    }

    /// The seats that guests may hold: one is kept free for the creator.
    fn guests(self) -> usize {
        usize::from(self.0) - 1
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self(10)
    }
}

/// A capacity outside 1 to 50.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a room holds 1 to {} participants", Capacity::MAX)]
pub struct InvalidCapacity;
