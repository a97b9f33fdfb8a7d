//! What can be seen of a room.

use std::sync::Arc;

use super::{Capacity, Grant, OnCreatorLeave, Reject, Room, Seat, Status};
use crate::ids::{ParticipantId, RoomId};
use crate::message::RoomInfo;
use crate::reason::LeaveReason;
use crate::time::Timestamp;
use crate::token::TokenHash;

impl Room {
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
        self.seats.capacity()
    }

    /// What becomes of the room when its creator says that it leaves.
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

    /// Whether the room is still running.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether newcomers are kept out.
    pub fn locked(&self) -> bool {
        self.access.locked()
    }

    /// How often the password was changed. Tokens name it, so that a change voids those that are not used yet.
    pub fn password_epoch(&self) -> u32 {
        self.access.password_epoch()
    }

    /// What participants are told of the room.
    pub fn info(&self) -> RoomInfo {
        RoomInfo {
            id: self.id,
            name: Arc::clone(&self.name),
            max_participants: self.capacity().participants(),
            expires_at: self.expires_at,
            locked: self.locked(),
        }
    }

    /// Everybody with a seat, oldest first, so by descending id.
    pub fn seats(&self) -> &[Seat] {
        self.seats.as_slice()
    }

    /// The seat of that participant.
    pub fn seat(&self, id: ParticipantId) -> Option<&Seat> {
        self.seats.seat(id)
    }

    /// The participant that a verified token stands for: the one whose seat it has taken, or else the id it promises.
    ///
    /// # Errors
    ///
    /// The token opens nothing, as an attach with it would find: the room is over or locked, or the token is void.
    pub fn granted(&self, grant: Grant) -> Result<ParticipantId, Reject> {
        self.running()?;
        let seat = self.seats().iter().find(|seat| seat.ticket == grant.ticket);
        self.access.check_grant(grant, seat.is_some())?;
        Ok(seat.map_or_else(|| self.promised(grant), |seat| seat.id))
    }

    /// The seat that a resume token opens.
    pub fn resumable(&self, token: TokenHash) -> Option<&Seat> {
        self.seats.resumable(token)
    }

    /// How a participant's seat ended; of the last 64 that did. Seats that ended with the room are not among them.
    pub fn departure(&self, id: ParticipantId) -> Option<LeaveReason> {
        self.seats.departures().reason(id)
    }

    /// When [`Op::Prune`](super::Op::Prune) has something to do; `None` once the room is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.status != Status::Open {
            return None;
        }
        let lapse = self.seats().iter().filter_map(Seat::detached_until).min();
        Some(lapse.map_or(self.expires_at, |lapse| lapse.min(self.expires_at)))
    }

    /// When a room that is over may be forgotten; `None` while it runs.
    pub fn forgotten_at(&self) -> Option<Timestamp> {
        (self.status != Status::Open).then(|| self.expires_at + Self::REMEMBERED)
    }
}
