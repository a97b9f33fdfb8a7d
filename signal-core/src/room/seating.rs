//! The seats of a room: who takes one, who comes back to one, who loses one, and which ids were given out.

use super::capacity::Capacity;
use super::departures::Departures;
use super::former_links::{Carried, FormerLinks};
use super::operation::Reject;
use super::seat::{LeaveReason, Presence, Seat};
use crate::ids::{Attachment, IdSuffix, ParticipantId, Ticket};
use crate::message::Payload;
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;
use crate::record::{InvalidRecord, Reader, Writer};
use crate::time::Timestamp;
use crate::token::TokenHash;

/// The seats of a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seating {
    capacity: Capacity,
    /// In order of entry, so by descending id.
    seats: Vec<Seat>,
    /// Ids still to be issued; the next one is numbered one below.
    ids_left: u32,
    lowest_entered: Option<ParticipantId>,
    departures: Departures,
    former_links: FormerLinks,
}

/// Somebody with a valid token and a socket.
pub(super) struct Newcomer<'a> {
    pub(super) ticket: Ticket,
    /// The id its token names.
    pub(super) promised: ParticipantId,
    pub(super) name: &'a DisplayName,
    pub(super) protocol: ProtocolVersion,
    pub(super) attachment: Attachment,
    pub(super) resume: TokenHash,
}

impl Seating {
    /// Empty seats, and the creator's id, which is the first to be issued.
    pub(super) fn new(capacity: Capacity, suffix: IdSuffix) -> (Self, ParticipantId) {
        let ids_left = ParticipantId::PER_ROOM - 1;
        let seating = Self {
            capacity,
            seats: Vec::new(),
            ids_left,
            lowest_entered: None,
            departures: Departures::default(),
            former_links: FormerLinks::default(),
        };
        (seating, ParticipantId::issue(ids_left, suffix))
    }

    /// Issues an id if somebody could take a seat with it right now. Seats without a socket would have to go.
    pub(super) fn promise(&mut self, suffix: IdSuffix) -> Result<ParticipantId, Reject> {
        let attached =
            self.seats.iter().filter(|seat| !seat.is_creator() && seat.is_attached()).count();
        if attached >= self.capacity.guests() {
            return Err(Reject::RoomFull);
        }
        self.issue(suffix)
    }

    /// Seats a socket, as the newest of the room; an older socket with the same ticket loses its seat.
    pub(super) fn attach(
        &mut self,
        newcomer: &Newcomer<'_>,
        suffix: IdSuffix,
    ) -> Result<ParticipantId, Reject> {
        let &Newcomer { ticket, promised, name, protocol, attachment, resume } = newcomer;
        let evicted = self.make_room_for(ticket)?;
        let id = if self.is_newest(promised) { promised } else { self.issue(suffix)? };
        self.remove(LeaveReason::Replaced, |seat| seat.ticket == ticket);
        self.remove(LeaveReason::Lost, |seat| evicted.contains(&seat.id));
        let resume = match protocol {
            ProtocolVersion::V1 => [None, None],
            ProtocolVersion::V2 => [Some(resume), None],
        };
        self.seats.push(Seat {
            ticket,
            id,
            name: name.clone(),
            state: None,
            protocol,
            attachment,
            presence: Presence::Attached,
            generation: 1,
            resume,
            continued: false,
        });
        self.lowest_entered = Some(id);
        Ok(id)
    }

    /// Whether whoever enters with that id is the newest. An id that this record has not issued is not: the token
    /// may be of a time that the record has lost, and the number will be issued again.
    fn is_newest(&self, promised: ParticipantId) -> bool {
        let is_issued = promised >= ParticipantId::issue(self.ids_left, IdSuffix::new(0));
        is_issued && self.lowest_entered.is_none_or(|lowest| promised < lowest)
    }

    /// Finds out who has to go for a newcomer: nobody, or those guests that have been detached for longest. More
    /// than one goes only where the room was made smaller meanwhile.
    fn make_room_for(&self, ticket: Ticket) -> Result<Vec<ParticipantId>, Reject> {
        if ticket == Ticket::Creator || self.holds(ticket) {
            return Ok(Vec::new());
        }
        let guests = self.seats.iter().filter(|seat| !seat.is_creator());
        let too_many = (guests.clone().count() + 1).saturating_sub(self.capacity.guests());
        let mut detached: Vec<_> =
            guests.filter_map(|seat| Some((seat.detached_since()?, seat.id))).collect();
        if detached.len() < too_many {
            return Err(Reject::RoomFull);
        }
        detached.sort_unstable();
        Ok(detached.into_iter().take(too_many).map(|(_, id)| id).collect())
    }

    /// Gives a seat to another socket.
    pub(super) fn resume(
        &mut self,
        token: TokenHash,
        next_token: TokenHash,
        attachment: Attachment,
        continues: Option<Attachment>,
    ) -> Result<Carried, Reject> {
        let seat = self
            .seats
            .iter_mut()
            .find(|seat| seat.opens_with(token))
            .ok_or(Reject::ResumeFailed)?;
        self.former_links.push(seat);
        let continued = seat.resumes_current(token) && continues == Some(seat.attachment);
        if !continued {
            seat.generation = seat.generation.saturating_add(1);
        }
        seat.resume = [Some(next_token), Some(token)];
        seat.attachment = attachment;
        seat.presence = Presence::Attached;
        seat.continued = continued;
        Ok(Carried::by(seat))
    }

    /// `false` if the socket has no seat.
    pub(super) fn detach(
        &mut self,
        attachment: Attachment,
        until: Timestamp,
        now: Timestamp,
    ) -> bool {
        let Some(seat) =
            self.seats.iter_mut().find(|seat| seat.attachment == attachment && seat.is_attached())
        else {
            return false;
        };
        seat.presence = Presence::Detached { since: now, until };
        self.end_lapsed(now);
        true
    }

    /// Keeps every seat that can be resumed until that moment at least, and ends the others; `false` if that changed
    /// nothing.
    pub(super) fn lose_sockets(&mut self, until: Timestamp, now: Timestamp) -> bool {
        let mut changed =
            self.remove(LeaveReason::Lost, |seat| seat.protocol == ProtocolVersion::V1);
        for seat in &mut self.seats {
            let presence = match seat.presence {
                Presence::Attached => Presence::Detached { since: now, until },
                Presence::Detached { since, until: before } => {
                    Presence::Detached { since, until: before.max(until) }
                }
            };
            changed |= std::mem::replace(&mut seat.presence, presence) != presence;
        }
        changed
    }

    /// `false` if it changed nothing.
    pub(super) fn update(
        &mut self,
        attachment: Attachment,
        name: Option<&DisplayName>,
        state: Option<&Payload>,
    ) -> bool {
        let Some(seat) = self.seats.iter_mut().find(|seat| seat.attachment == attachment) else {
            return false;
        };
        let mut changed = false;
        if let Some(name) = name.filter(|name| **name != seat.name) {
            seat.name = name.clone();
            changed = true;
        }
        if let Some(state) = state.filter(|state| seat.state.as_ref() != Some(*state)) {
            seat.state = Some(state.detach());
            changed = true;
        }
        changed
    }

    /// Ends seats that were not come back to in time; `false` if there are none.
    pub(super) fn end_lapsed(&mut self, now: Timestamp) -> bool {
        self.remove(LeaveReason::Lost, |seat| seat.lapsed(now))
    }

    /// Ends these seats; `false` if there are none.
    pub(super) fn remove(
        &mut self,
        reason: LeaveReason,
        is_leaving: impl Fn(&Seat) -> bool,
    ) -> bool {
        let before = self.seats.len();
        let (departures, former_links) = (&mut self.departures, &mut self.former_links);
        self.seats.retain(|seat| {
            let is_leaving = is_leaving(seat);
            if is_leaving {
                departures.push(seat.id, reason);
                former_links.push(seat);
            }
            !is_leaving
        });
        self.seats.len() != before
    }

    /// Ends all of them with the room, which is remembered as the reason.
    pub(super) fn clear(&mut self) {
        self.seats.clear();
    }

    /// `false` if it is so already.
    pub(super) fn resize(&mut self, capacity: Capacity) -> bool {
        std::mem::replace(&mut self.capacity, capacity) != capacity
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u8(self.capacity.participants());
        out.list(self.seats.iter(), |out, seat| seat.write(out));
        out.u32(self.ids_left);
        out.option(self.lowest_entered, Writer::participant);
        self.departures.write(out);
        self.former_links.write(out);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidRecord> {
        let seating = Self {
            capacity: Capacity::new(from.u8()?).map_err(|_| InvalidRecord::Damaged)?,
            // A room that was made smaller may hold more than its capacity.
            seats: from.list(usize::from(Capacity::MAX), Seat::read)?,
            ids_left: from.u32()?,
            lowest_entered: from.option(Reader::participant)?,
            departures: Departures::read(from)?,
            former_links: FormerLinks::read(from)?,
        };
        let descends = seating.seats.is_sorted_by(|older, newer| newer.id < older.id);
        if descends && seating.ids_left < ParticipantId::PER_ROOM {
            Ok(seating)
        } else {
            Err(InvalidRecord::Damaged)
        }
    }

    fn issue(&mut self, suffix: IdSuffix) -> Result<ParticipantId, Reject> {
        self.ids_left = self.ids_left.checked_sub(1).ok_or(Reject::IdsExhausted)?;
        Ok(ParticipantId::issue(self.ids_left, suffix))
    }

    pub(super) fn holds(&self, ticket: Ticket) -> bool {
        self.seats.iter().any(|seat| seat.ticket == ticket)
    }

    /// The seat whose socket that is, or was last.
    pub(super) fn carried_by(&self, attachment: Attachment) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.attachment == attachment)
    }

    /// What that attachment was answered, if it has a seat or had one.
    pub(super) fn carried(&self, attachment: Attachment) -> Option<Carried> {
        self.carried_by(attachment)
            .map(Carried::by)
            .or_else(|| self.former_links.carried(attachment))
    }

    pub(super) fn seat(&self, id: ParticipantId) -> Option<&Seat> {
        let index = self.seats.binary_search_by(|seat| id.cmp(&seat.id)).ok()?;
        Some(&self.seats[index])
    }

    pub(super) fn resumable(&self, token: TokenHash) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.opens_with(token))
    }

    pub(super) fn capacity(&self) -> Capacity {
        self.capacity
    }

    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    pub(super) fn departures(&self) -> &Departures {
        &self.departures
    }
}
