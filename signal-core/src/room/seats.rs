//! The seats of a room: attach, resume, detach and removal.

mod stored;

use std::sync::Arc;

use super::Capacity;
use super::attach_history::{AttachHistory, AttachReceipt};
use super::departures::Departures;
use super::durability::{Changes, Durability};
use super::id_issuer::IdIssuer;
use super::memory;
use super::reject::Reject;
use super::seat::{Presence, Seat};
use crate::client::AddressTag;
use crate::identity::Identity;
use crate::ids::{Attachment, IdSuffix, ParticipantId, Ticket};
use crate::name::DisplayName;
use crate::payload::Payload;
use crate::permissions::Permissions;
use crate::protocol::ProtocolVersion;
use crate::reason::LeaveReason;
use crate::time::Timestamp;
use crate::token::TokenHash;

/// The seats of a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seats {
    capacity: Capacity,
    /// Whether one seat is kept for the creator.
    has_creator: bool,
    /// In order of entry, which is by descending id.
    taken: Vec<Seat>,
    ids: IdIssuer,
    lowest_entered: Option<ParticipantId>,
    departures: Departures,
    attach_history: AttachHistory,
    /// When the room is over: the tokens that could have resumed a seat.
    last_tokens: Vec<TokenHash>,
}

/// A participant with a verified token and a socket.
pub(super) struct Newcomer<'a> {
    pub(super) ticket: Ticket,
    /// The id that its token names, if it names one.
    pub(super) promised: Option<ParticipantId>,
    pub(super) identity: &'a Arc<Identity>,
    pub(super) permissions: Permissions,
    pub(super) name: &'a DisplayName,
    /// Where it comes from, if the host knows.
    pub(super) address: Option<AddressTag>,
    /// How many guests of one address may have a seat, if that is limited.
    pub(super) most_of_address: Option<u32>,
    pub(super) protocol: ProtocolVersion,
    pub(super) attachment: Attachment,
    pub(super) resume: TokenHash,
}

impl Seats {
    /// Returns empty seats, and the first id, which is the creator's.
    pub(super) fn new(
        capacity: Capacity,
        has_creator: bool,
        suffix: IdSuffix,
    ) -> (Self, ParticipantId) {
        let (ids, first) = IdIssuer::new(suffix);
        let seats = Self {
            capacity,
            has_creator,
            taken: Vec::new(),
            ids,
            lowest_entered: None,
            departures: Departures::default(),
            attach_history: AttachHistory::default(),
            last_tokens: Vec::new(),
        };
        (seats, first)
    }

    /// Issues an id if a seat could be taken with it now. Seats without a socket do not count,
    /// since they would make room.
    pub(super) fn promise(
        &mut self,
        suffix: IdSuffix,
        changes: &mut Changes,
    ) -> Result<ParticipantId, Reject> {
        let attached =
            self.taken.iter().filter(|seat| !seat.is_creator() && seat.is_attached()).count();
        if attached >= self.for_guests() {
            return Err(Reject::RoomFull);
        }
        self.ids.issue(suffix, changes)
    }

    /// Gives a socket a seat, as the newest of the room. An older socket with the same ticket loses
    /// its seat.
    pub(super) fn attach(
        &mut self,
        newcomer: &Newcomer<'_>,
        suffix: IdSuffix,
        changes: &mut Changes,
    ) -> Result<ParticipantId, Reject> {
        let &Newcomer {
            ticket,
            promised,
            identity,
            permissions,
            name,
            address,
            protocol,
            attachment,
            resume,
            ..
        } = newcomer;
        self.check_address(newcomer)?;
        let evicted = self.make_room_for(ticket)?;
        let id = match promised.filter(|promised| self.is_newest(*promised)) {
            Some(promised) => promised,
            None => self.ids.issue(suffix, changes)?,
        };
        self.remove(LeaveReason::Replaced, |seat| seat.ticket == ticket);
        self.remove(LeaveReason::Lost, |seat| evicted.contains(&seat.id));
        let resume = match protocol {
            ProtocolVersion::V1 => [None, None],
            ProtocolVersion::V2 => [Some(resume), None],
        };
        self.taken.push(Seat {
            ticket,
            id,
            name: name.clone(),
            address,
            identity: Arc::clone(identity),
            permissions,
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

    /// Whether a participant that enters with the promised id is the newest. It is not if this
    /// record has not issued the id: the token may be older than the record that a crash left, and
    /// the number will be issued again.
    fn is_newest(&self, promised: ParticipantId) -> bool {
        self.ids.may_have_issued(promised)
            && self.lowest_entered.is_none_or(|lowest| promised < lowest)
    }

    /// Whether another guest of that address may have a seat. Seats without a socket count, but the
    /// seat that the newcomer replaces does not.
    fn check_address(&self, newcomer: &Newcomer<'_>) -> Result<(), Reject> {
        let (Some(most), Some(address)) = (newcomer.most_of_address, newcomer.address) else {
            return Ok(());
        };
        if newcomer.ticket == Ticket::Creator {
            return Ok(());
        }
        let others = self.taken.iter().filter(|seat| {
            seat.address == Some(address) && seat.ticket != newcomer.ticket && !seat.is_creator()
        });
        if others.count() >= most as usize { Err(Reject::AddressFull) } else { Ok(()) }
    }

    /// The participants to remove to make room for a newcomer: nobody, or the guests that have been
    /// detached for longest. It is more than one only if the room was made smaller meanwhile.
    fn make_room_for(&self, ticket: Ticket) -> Result<Vec<ParticipantId>, Reject> {
        if ticket == Ticket::Creator || self.holds(ticket) {
            return Ok(Vec::new());
        }
        let guests = self.taken.iter().filter(|seat| !seat.is_creator());
        let too_many = (guests.clone().count() + 1).saturating_sub(self.for_guests());
        let mut detached: Vec<_> =
            guests.filter_map(|seat| Some((seat.detached_since()?, seat.id))).collect();
        if detached.len() < too_many {
            return Err(Reject::RoomFull);
        }
        detached.sort_unstable();
        Ok(detached.into_iter().take(too_many).map(|(_, id)| id).collect())
    }

    /// Gives the seat of a resume token to another socket.
    pub(super) fn resume(
        &mut self,
        token: TokenHash,
        next_token: TokenHash,
        attachment: Attachment,
        continues: Option<Attachment>,
    ) -> Result<AttachReceipt, Reject> {
        let seat = self
            .taken
            .iter_mut()
            .find(|seat| seat.opens_with(token))
            .ok_or(Reject::ResumeFailed)?;
        self.attach_history.push(seat, memory::length(self.capacity));
        let continued = seat.resumes_current(token) && continues == Some(seat.attachment);
        if !continued {
            seat.generation = seat.generation.saturating_add(1);
        }
        seat.resume = [Some(next_token), Some(token)];
        seat.attachment = attachment;
        seat.presence = Presence::Attached;
        seat.continued = continued;
        Ok(AttachReceipt::by(seat))
    }

    /// Detaches the seat of a socket that is gone, and removes it if it cannot be resumed; `false`
    /// if the socket has none.
    pub(super) fn detach(
        &mut self,
        attachment: Attachment,
        until: Timestamp,
        now: Timestamp,
    ) -> bool {
        let Some(seat) =
            self.taken.iter_mut().find(|seat| seat.attachment == attachment && seat.is_attached())
        else {
            return false;
        };
        if seat.protocol == ProtocolVersion::V1 {
            return self.remove(LeaveReason::Lost, |seat| seat.attachment == attachment);
        }
        seat.presence = Presence::Detached { since: now, until };
        self.end_lapsed(now);
        true
    }

    /// Keeps every seat that can be resumed until that time at least, and removes the others;
    /// `false` if nothing changed.
    pub(super) fn lose_sockets(&mut self, until: Timestamp, now: Timestamp) -> bool {
        let mut changed =
            self.remove(LeaveReason::Lost, |seat| seat.protocol == ProtocolVersion::V1);
        for seat in &mut self.taken {
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

    /// Changes the name and state of the participant with that socket, if it may. A state lasts as
    /// long as the process: its participant sends it again after a restart.
    pub(super) fn update(
        &mut self,
        attachment: Attachment,
        name: Option<&DisplayName>,
        state: Option<&Payload>,
        changes: &mut Changes,
    ) -> Result<(), Reject> {
        let Some(seat) = self.taken.iter_mut().find(|seat| seat.attachment == attachment) else {
            return Ok(());
        };
        let name = name.filter(|name| **name != seat.name);
        let state = state.filter(|state| seat.state.as_ref() != Some(*state));
        // An update that was permitted may be repeated without the permission.
        if (name.is_some() || state.is_some()) && !seat.permissions.update {
            return Err(Reject::NotPermitted);
        }
        if let Some(name) = name {
            seat.name = name.clone();
            changes.note(Durability::Grouped);
        }
        if let Some(state) = state {
            seat.state = Some(state.detach());
            changes.note(Durability::Volatile);
        }
        Ok(())
    }

    /// Removes seats whose resume grace has expired; `false` if there are none.
    pub(super) fn end_lapsed(&mut self, now: Timestamp) -> bool {
        self.remove(LeaveReason::Lost, |seat| seat.lapsed(now))
    }

    /// Removes these seats; `false` if there are none.
    pub(super) fn remove(
        &mut self,
        reason: LeaveReason,
        is_leaving: impl Fn(&Seat) -> bool,
    ) -> bool {
        let before = self.taken.len();
        let most = self.remembered();
        let (departures, attach_history) = (&mut self.departures, &mut self.attach_history);
        self.taken.retain(|seat| {
            let is_leaving = is_leaving(seat);
            if is_leaving {
                departures.push(seat.id, reason, most);
                attach_history.push(seat, most);
            }
            !is_leaving
        });
        self.taken.len() != before
    }

    /// Removes all seats when the room ends. No departure is noted, since the end of the room is
    /// the reason.
    pub(super) fn clear(&mut self) {
        self.last_tokens = self.taken.iter().flat_map(Seat::tokens).collect();
        self.taken.clear();
    }

    /// Changes the capacity; `false` if nothing changed.
    pub(super) fn resize(&mut self, capacity: Capacity) -> bool {
        std::mem::replace(&mut self.capacity, capacity) != capacity
    }

    pub(super) fn holds(&self, ticket: Ticket) -> bool {
        self.taken.iter().any(|seat| seat.ticket == ticket)
    }

    /// The seat whose current or last socket this is.
    pub(super) fn seat_of(&self, attachment: Attachment) -> Option<&Seat> {
        self.taken.iter().find(|seat| seat.attachment == attachment)
    }

    /// The answer that an attachment got, if it has a seat or had one.
    pub(super) fn receipt_of(&self, attachment: Attachment) -> Option<AttachReceipt> {
        self.seat_of(attachment)
            .map(AttachReceipt::by)
            .or_else(|| self.attach_history.receipt_of(attachment))
    }

    pub(super) fn seat(&self, id: ParticipantId) -> Option<&Seat> {
        let index = self.taken.binary_search_by(|seat| id.cmp(&seat.id)).ok()?;
        Some(&self.taken[index])
    }

    pub(super) fn seat_mut(&mut self, id: ParticipantId) -> Option<&mut Seat> {
        self.taken.iter_mut().find(|seat| seat.id == id)
    }

    pub(super) fn resumable(&self, token: TokenHash) -> Option<&Seat> {
        self.taken.iter().find(|seat| seat.opens_with(token))
    }

    /// Whether the token could have resumed a seat when the room ended.
    pub(super) fn was_resumable(&self, token: TokenHash) -> bool {
        self.last_tokens.contains(&token)
    }

    /// How many seats guests may hold.
    fn for_guests(&self) -> usize {
        usize::from(self.capacity.participants()) - usize::from(self.has_creator)
    }

    /// How many of its latest departures, attachments and addresses the room remembers.
    pub(super) fn remembered(&self) -> usize {
        memory::length(self.capacity)
    }

    pub(super) fn capacity(&self) -> Capacity {
        self.capacity
    }

    pub(super) fn as_slice(&self) -> &[Seat] {
        &self.taken
    }

    pub(super) fn departures(&self) -> &Departures {
        &self.departures
    }
}
