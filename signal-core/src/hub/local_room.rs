//! One room, as the hub knows it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::account::{Account, Accounts};
use super::connection::Connection;
use super::difference::Difference;
use super::member::Member;
use super::negotiation::Negotiations;
use super::node_frame::NodeFrame;
use super::receiver::{self, Receiver};
use crate::config::{HubConfig, ReplayLimit};
use crate::error::ErrorCode;
use crate::ids::{Attachment, ConnId, NodeId, ParticipantId, Ticket};
use crate::protocol::ProtocolVersion;
use crate::room::{Room, Seat};
use crate::time::Timestamp;
use crate::token::TokenHash;

/// The newest record of a room that the hub has seen, and the participants that it serves.
#[derive(Debug, Default)]
pub(super) struct LocalRoom {
    /// `None` until the first answer of the store.
    record: Option<Arc<Room>>,
    members: BTreeMap<ParticipantId, Member>,
    /// The accounts of tickets without a member.
    accounts: Accounts,
    /// The sockets of the members, shared with every broadcast.
    broadcast_sockets: BroadcastSockets,
    pub(super) negotiations: Negotiations,
    /// Frames that wait for a newer record or a `joined`, in the order of their arrival.
    pub(super) held: VecDeque<(NodeId, NodeFrame)>,
    pub(super) held_bytes: usize,
    /// When the oldest message that is kept for a replay becomes too old.
    trim_at: Option<Timestamp>,
    /// When to look for members that do not read.
    stall_check_at: Option<Timestamp>,
    /// Connections that were let in, with a seat or on the way to one.
    pub(super) connections: usize,
}

/// The sockets of the members by protocol version: a broadcast is encoded once for each version.
#[derive(Clone, Debug, Default)]
pub(super) struct BroadcastSockets {
    pub(super) v1: Arc<[ConnId]>,
    pub(super) v2: Arc<[ConnId]>,
}

/// Where a message for a participant goes.
pub(super) enum Route<'a> {
    /// To a member of this node.
    Here(Receiver<'a>),
    /// To a participant of this node that has not got its `joined` yet. The message waits for it.
    Held,
    /// To the node that serves the participant.
    Node { node: NodeId, negotiations: &'a mut Negotiations },
    /// Nowhere, for this reason.
    Gone(ErrorCode),
}

impl LocalRoom {
    /// Adopts a record and returns the difference; `None` if the record is not newer than the known
    /// one.
    pub(super) fn see(&mut self, record: &Arc<Room>) -> Option<Difference> {
        let known = self.record.as_deref();
        if known.is_some_and(|known| !record.is_newer_than(known)) {
            return None;
        }
        // There are no members before the first record, so nobody has to be told.
        let difference =
            known.map_or_else(Difference::default, |known| Difference::between(known, record));
        self.record = Some(Arc::clone(record));
        let gone = difference.left.iter().map(|(id, _)| *id);
        let lossy = difference.updated.iter().filter(|(_, update)| update.lossy).map(|(id, _)| *id);
        for id in gone.chain(lossy) {
            self.negotiations.remove_pairs_of(id);
        }
        Some(difference)
    }

    /// Removes the record of a room that the store no longer has.
    pub(super) fn remove_record(&mut self) -> Option<Arc<Room>> {
        self.negotiations.clear();
        self.record.take()
    }

    /// Adds a member, or replaces what is known of it.
    pub(super) fn insert_member(&mut self, seat: &Seat, attachment: Attachment, now: Timestamp) {
        self.remove_member(seat.id);
        let account = self.accounts.take(seat.ticket, now);
        self.members.insert(seat.id, Member::new(seat, attachment, account));
        self.update_broadcast_sockets();
    }

    pub(super) fn remove_member(&mut self, id: ParticipantId) {
        if let Some(member) = self.members.remove(&id) {
            self.accounts.put_back(member.ticket, member.account);
            self.update_broadcast_sockets();
        }
    }

    /// What a ticket has used up, whether it has a member or not.
    pub(super) fn account(
        &mut self,
        ticket: Ticket,
        config: &HubConfig,
        now: Timestamp,
    ) -> &mut Account {
        // A ticket has one seat, so it has one member at most.
        match self.members.values_mut().find(|member| member.ticket == ticket) {
            Some(member) => &mut member.account,
            None => self.accounts.account(ticket, config, now),
        }
    }

    /// Takes over the accounts that were kept while the room had no members.
    pub(super) fn restore_accounts(&mut self, accounts: Accounts) {
        self.accounts = accounts;
    }

    pub(super) fn into_accounts(self) -> Accounts {
        self.accounts
    }

    /// Gives a member another socket, or none; returns its previous one.
    pub(super) fn connect_member(
        &mut self,
        id: ParticipantId,
        conn: Option<ConnId>,
    ) -> Option<ConnId> {
        let member = self.members.get_mut(&id)?;
        let before = std::mem::replace(&mut member.conn, conn);
        self.update_broadcast_sockets();
        before
    }

    fn update_broadcast_sockets(&mut self) {
        let of = |protocol: ProtocolVersion| {
            self.members
                .values()
                .filter(|member| member.protocol == protocol)
                .filter_map(|member| member.conn)
                .collect()
        };
        self.broadcast_sockets =
            BroadcastSockets { v1: of(ProtocolVersion::V1), v2: of(ProtocolVersion::V2) };
    }

    /// Finds out where a message goes.
    ///
    /// The seat and the member are looked up once; the route has all that is needed to pass the
    /// message on.
    pub(super) fn route(
        &mut self,
        from: ParticipantId,
        to: ParticipantId,
        here: NodeId,
        connections: &FxHashMap<ConnId, Connection>,
    ) -> Route<'_> {
        if from == to {
            return Route::Gone(ErrorCode::SelfTarget);
        }
        let Some(seat) = self.record.as_deref().and_then(|record| record.seat(to)) else {
            return Route::Gone(ErrorCode::PeerNotFound);
        };
        let Attachment { node, conn } = seat.attachment;
        if node != here {
            return Route::Node { node, negotiations: &mut self.negotiations };
        }
        if let Some(member) = self.members.get_mut(&to) {
            let (negotiations, trim_at) = (&mut self.negotiations, &mut self.trim_at);
            return Route::Here(Receiver { member, negotiations, trim_at });
        }
        if connections.get(&conn).is_some_and(Connection::is_attaching) {
            return Route::Held;
        }
        // The socket is gone, and the store has not answered the detach yet.
        Route::Gone(ErrorCode::PeerUnreachable)
    }

    pub(super) fn speaks_v1(&self, id: ParticipantId) -> bool {
        let seat = self.record.as_deref().and_then(|record| record.seat(id));
        seat.is_some_and(|seat| seat.protocol == ProtocolVersion::V1)
    }

    /// The member with that id, to send it a message.
    pub(super) fn receiver(&mut self, id: ParticipantId) -> Option<Receiver<'_>> {
        let (negotiations, trim_at) = (&mut self.negotiations, &mut self.trim_at);
        Some(Receiver { member: self.members.get_mut(&id)?, negotiations, trim_at })
    }

    /// How many other participants each one has in this room.
    pub(super) fn others(&self) -> usize {
        let seats = self.record.as_deref().map_or(0, |record| record.seats().len());
        seats.saturating_sub(1)
    }

    /// The ticket of the seat that the token resumes, if the record is known.
    pub(super) fn ticket_of(&self, token: TokenHash) -> Option<Ticket> {
        Some(self.record.as_deref()?.resumable(token)?.ticket)
    }

    /// The previous socket of the participant that the token resumes, if every message that it
    /// missed is still kept.
    pub(super) fn replayable(
        &self,
        token: TokenHash,
        received: u64,
        limit: &ReplayLimit,
        now: Timestamp,
    ) -> Option<Attachment> {
        let seat = self.record.as_deref()?.resumable(token)?;
        let member = self.members.get(&seat.id)?;
        // An older token does not tell what its holder has received.
        let goes_on = seat.resumes_current(token) && member.generation == seat.generation;
        (goes_on && member.replay().reaches(received, limit, now)).then_some(member.attachment)
    }

    /// Notes that a message was kept for a replay; `true` if the deadline has to be updated.
    pub(super) fn note_kept(&mut self, limit: &ReplayLimit, now: Timestamp) -> bool {
        receiver::note_kept(&mut self.trim_at, limit, now)
    }

    /// Drops messages that are too old for a replay.
    pub(super) fn trim(&mut self, limit: &ReplayLimit, now: Timestamp) {
        if self.trim_at.is_some_and(|at| at <= now) {
            self.members.values_mut().for_each(|member| member.trim(limit, now));
            let oldest = self.members.values().filter_map(|member| member.replay().oldest()).min();
            self.trim_at = oldest.map(|at| at + limit.age);
        }
    }

    /// When this room needs attention: at the time for [`Op::Prune`](crate::room::Op::Prune), or
    /// earlier if a kept message becomes too old or a member may have read nothing for too long.
    pub(super) fn deadline(&self, prune_at: Option<Timestamp>) -> Option<Timestamp> {
        [self.trim_at, self.stall_check_at, prune_at].into_iter().flatten().min()
    }

    /// Schedules a check for members that do not read, at that time at the latest; `true` if the
    /// deadline has to be updated.
    pub(super) fn watch_readers(&mut self, at: Timestamp) -> bool {
        let is_sooner = self.stall_check_at.is_none_or(|known| at < known);
        if is_sooner {
            self.stall_check_at = Some(at);
        }
        is_sooner
    }

    /// Whether it is time to look for members that do not read.
    pub(super) fn takes_stall_check(&mut self, now: Timestamp) -> bool {
        self.stall_check_at.take_if(|at| *at <= now).is_some()
    }

    pub(super) fn sockets(&self) -> Vec<ConnId> {
        self.members.values().filter_map(|member| member.conn).collect()
    }

    pub(super) fn prune_at(&self) -> Option<Timestamp> {
        self.record.as_deref().and_then(Room::deadline)
    }

    pub(super) fn record(&self) -> Option<&Arc<Room>> {
        self.record.as_ref()
    }

    pub(super) fn member(&self, id: ParticipantId) -> Option<&Member> {
        self.members.get(&id)
    }

    pub(super) fn member_mut(&mut self, id: ParticipantId) -> Option<&mut Member> {
        self.members.get_mut(&id)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (ParticipantId, &Member)> {
        self.members.iter().map(|(id, member)| (*id, member))
    }

    pub(super) fn members_mut(&mut self) -> impl Iterator<Item = (ParticipantId, &mut Member)> {
        self.members.iter_mut().map(|(id, member)| (*id, member))
    }

    pub(super) fn broadcast_sockets(&self) -> &BroadcastSockets {
        &self.broadcast_sockets
    }

    /// Whether this node no longer serves anybody in the room.
    pub(super) fn is_idle(&self) -> bool {
        self.connections == 0 && self.members.is_empty()
    }
}
