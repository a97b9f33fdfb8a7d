//! The readable fields of a room.

use std::sync::Arc;
use std::time::Duration;

use super::{Capacity, Grant, OnCreatorLeave, Reject, Room, Seat, Status};
use crate::identity::{Attributes, Identity, UserId};
use crate::ids::{ParticipantId, RoomId, Ticket, TicketTag};
use crate::message::RoomInfo;
use crate::reason::LeaveReason;
use crate::time::Timestamp;
use crate::token::TokenHash;

impl Room {
    /// The room's id.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// A number that tells this room from an earlier one with the same id.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of changes. Of two records of one epoch, the one with the higher version is
    /// newer.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The creator, in the host's own terms, if there is one.
    pub fn creator(&self) -> Option<&str> {
        self.creator.as_deref()
    }

    /// The participant id that the creator enters with, unless somebody has entered before. Nobody
    /// has this id in a room without a creator.
    pub fn creator_id(&self) -> ParticipantId {
        self.creator_id
    }

    /// The host's own data, if there is any. Participants never see it.
    pub fn data(&self) -> Option<&Attributes> {
        self.data.as_ref()
    }

    /// How many participants the room holds.
    pub fn capacity(&self) -> Capacity {
        self.seats.capacity()
    }

    /// What happens when the creator leaves.
    pub fn on_creator_leave(&self) -> OnCreatorLeave {
        self.on_creator_leave
    }

    /// When the room was created.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the room ends.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether the room is running.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether newcomers are refused.
    pub fn locked(&self) -> bool {
        self.access.locked()
    }

    /// Whether the room has a password to enter by.
    pub fn has_password(&self) -> bool {
        self.access.has_password()
    }

    /// How often the password was changed. Tokens name the epoch, so that a change voids those that
    /// have not been used yet.
    pub fn password_epoch(&self) -> u32 {
        self.access.password_epoch()
    }

    /// How many password attempts are left before the room accepts none for a while.
    pub fn password_attempts_left(&self, now: Timestamp) -> u8 {
        self.access.attempts().left(now)
    }

    /// How long until a password attempt is available; zero if one is available now.
    pub fn next_password_attempt_in(&self, now: Timestamp) -> Duration {
        self.access.attempts().next_in(now)
    }

    /// When all password attempts are available again, if no wrong password is tried meanwhile.
    pub fn password_attempts_full_at(&self) -> Timestamp {
        self.access.attempts().full_at()
    }

    /// Whether the password attempts have run out, and not all of them are available again.
    pub fn password_attempts_ran_out(&self) -> bool {
        self.access.attempts().ran_out()
    }

    /// How often the creator has restored the password attempts.
    pub fn restores(&self) -> u8 {
        self.access.attempts().restores()
    }

    /// What participants see of the room.
    pub fn info(&self) -> RoomInfo {
        RoomInfo {
            id: self.id,
            name: Arc::clone(&self.name),
            max_participants: self.capacity().participants(),
            expires_at: self.expires_at,
            locked: self.locked(),
        }
    }

    /// The seats, oldest first, which is by descending id.
    pub fn seats(&self) -> &[Seat] {
        self.seats.as_slice()
    }

    /// The seat of that participant.
    pub fn seat(&self, id: ParticipantId) -> Option<&Seat> {
        self.seats.seat(id)
    }

    /// The participant that a verified token stands for: the one that has taken its seat, or else
    /// the id that the token names, if it names one.
    ///
    /// # Errors
    ///
    /// An attach with the token would be refused: the room is over or locked, or the token is void.
    pub fn granted(&self, grant: &Grant) -> Result<Option<ParticipantId>, Reject> {
        self.running()?;
        let seat = self.seats().iter().find(|seat| seat.ticket == grant.ticket);
        self.check_grant(grant, seat.is_some())?;
        Ok(seat.map_or_else(|| self.promised(grant), |seat| Some(seat.id)))
    }

    /// Makes a grant by the host's decision, without the password. Like any other grant it becomes
    /// void when the password changes, and a lock refuses it, unless the host sets
    /// [`Grant::passes_rotation`] or [`Grant::passes_lock`].
    ///
    /// # Errors
    ///
    /// The room is over, the user is banned, or a kick has voided the ticket.
    pub fn mint(&self, ticket: TicketTag, identity: Identity) -> Result<Grant, Reject> {
        self.running()?;
        let ticket = Ticket::Host(ticket);
        let is_banned = identity.user.as_ref().is_some_and(|user| self.is_banned(user));
        if is_banned || self.access.is_revoked(ticket) {
            return Err(Reject::GrantVoid);
        }
        Ok(Grant::new(ticket, self.password_epoch()).identified(identity).for_epoch(self.epoch))
    }

    /// Whether the user is among the last 256 that were banned.
    pub fn is_banned(&self, user: &UserId) -> bool {
        self.access.is_banned(user)
    }

    /// The seat that a token resumes.
    pub fn resumable(&self, token: TokenHash) -> Option<&Seat> {
        self.seats.resumable(token)
    }

    /// Whether a token could have resumed a seat when the room ended. Only such a holder is told
    /// that the room is over.
    pub fn was_resumable(&self, token: TokenHash) -> bool {
        self.seats.was_resumable(token)
    }

    /// How a participant's seat ended, if it is among the last seats that ended before the room
    /// did: the last 64, or as many as the room has if those are more.
    pub fn departure(&self, id: ParticipantId) -> Option<LeaveReason> {
        self.seats.departures().reason(id)
    }

    /// When [`Op::Prune`](super::Op::Prune) next has something to do; `None` once the room is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.status != Status::Open {
            return None;
        }
        let lapse = self.seats().iter().filter_map(Seat::detached_until).min();
        let recovery = self.access.attempts().deadline();
        [Some(self.expires_at), lapse, recovery].into_iter().flatten().min()
    }

    /// When a room that is over may be removed; `None` while it runs.
    pub fn forgotten_at(&self) -> Option<Timestamp> {
        Some(self.ended_at? + Self::REMEMBERED)
    }
}
