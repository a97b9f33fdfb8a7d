//! What a hub knows of a room that it serves participants of.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::difference::Difference;
use super::member::Member;
use super::negotiation::{Negotiation, pair};
use super::node_frame::NodeFrame;
use crate::config::ReplayLimit;
use crate::ids::{Attachment, ConnId, NodeId, ParticipantId};
use crate::protocol::ProtocolVersion;
use crate::room::Room;
use crate::time::Timestamp;
use crate::token::TokenHash;

/// The newest record seen of a room, and who of it is served here.
#[derive(Debug, Default)]
pub(super) struct LocalRoom {
    /// `None` until the first answer of the store.
    record: Option<Arc<Room>>,
    members: BTreeMap<ParticipantId, Member>,
    /// The sockets of the members, shared with every broadcast.
    audience: Audiences,
    negotiations: BTreeMap<(ParticipantId, ParticipantId), Negotiation>,
    /// Frames for which this node does not know enough yet, in the order in which they came.
    pub(super) held: VecDeque<(NodeId, NodeFrame)>,
    pub(super) held_bytes: usize,
    /// When something that is kept for a replay is too old for it.
    trim_at: Option<Timestamp>,
    /// Connections of any phase.
    pub(super) connections: usize,
}

/// Sockets by the way they speak, since a broadcast is encoded once for each.
#[derive(Clone, Debug, Default)]
pub(super) struct Audiences {
    pub(super) v1: Arc<[ConnId]>,
    pub(super) v2: Arc<[ConnId]>,
}

impl LocalRoom {
    /// Takes over a record if it is newer and tells what is different; `None` if it is not newer.
    pub(super) fn see(&mut self, record: &Arc<Room>) -> Option<Difference> {
        let known = self.record.as_deref();
        if known.is_some_and(|known| {
            known.epoch() == record.epoch() && known.version() >= record.version()
        }) {
            return None;
        }
        // Nobody is a member before the first record, so there is nobody to tell.
        let difference =
            known.map_or_else(Difference::default, |known| Difference::between(known, record));
        self.record = Some(Arc::clone(record));
        let gone = difference.left.iter().map(|(id, _)| *id);
        let lossy = difference.updated.iter().filter(|(_, update)| update.lossy).map(|(id, _)| *id);
        for id in gone.chain(lossy) {
            self.free_pairs_of(id);
        }
        Some(difference)
    }

    /// Gives up the record, which is of a room that is no more.
    pub(super) fn forget_record(&mut self) -> Option<Arc<Room>> {
        self.negotiations.clear();
        self.record.take()
    }

    fn free_pairs_of(&mut self, id: ParticipantId) {
        self.negotiations.retain(|(smaller, larger), _| *smaller != id && *larger != id);
    }

    pub(super) fn insert_member(&mut self, id: ParticipantId, member: Member) {
        self.members.insert(id, member);
        self.count_audience();
    }

    pub(super) fn remove_member(&mut self, id: ParticipantId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        self.count_audience();
        Some(member)
    }

    /// Gives a member another socket, or none; returns the one it had.
    pub(super) fn connect_member(
        &mut self,
        id: ParticipantId,
        conn: Option<ConnId>,
    ) -> Option<ConnId> {
        let member = self.members.get_mut(&id)?;
        let before = std::mem::replace(&mut member.conn, conn);
        self.count_audience();
        before
    }

    fn count_audience(&mut self) {
        let of = |protocol: ProtocolVersion| {
            self.members
                .values()
                .filter(|member| member.protocol == protocol)
                .filter_map(|member| member.conn)
                .collect()
        };
        self.audience = Audiences { v1: of(ProtocolVersion::V1), v2: of(ProtocolVersion::V2) };
    }

    pub(super) fn negotiation(&mut self, a: ParticipantId, b: ParticipantId) -> &mut Negotiation {
        self.negotiations.entry(pair(a, b)).or_default()
    }

    /// The socket that a resume with that token goes on from, if everything it missed is still here.
    pub(super) fn replayable(
        &self,
        token: TokenHash,
        received: u64,
        limit: &ReplayLimit,
        now: Timestamp,
    ) -> Option<Attachment> {
        let seat = self.record.as_deref()?.resumable(token)?;
        let member = self.members.get(&seat.id)?;
        // With an older token it is unknown what its holder received.
        let goes_on = seat.resumes_current(token) && member.generation == seat.generation;
        (goes_on && member.replay().reaches(received, limit, now)).then_some(member.attachment)
    }

    /// Something was kept for a replay just now; `true` if that moves the deadline.
    pub(super) fn kept(&mut self, limit: &ReplayLimit, now: Timestamp) -> bool {
        let is_first = self.trim_at.is_none();
        self.trim_at.get_or_insert(now + limit.age);
        is_first
    }

    /// Forgets what is too old for a replay.
    pub(super) fn trim(&mut self, limit: &ReplayLimit, now: Timestamp) {
        if self.trim_at.is_some_and(|at| at <= now) {
            self.members.values_mut().for_each(|member| member.trim(limit, now));
            let oldest = self.members.values().filter_map(|member| member.replay().oldest()).min();
            self.trim_at = oldest.map(|at| at + limit.age);
        }
    }

    /// When this room needs attention: the record's time for [`Op::Prune`](crate::Op::Prune), or a time before.
    pub(super) fn deadline(&self, prune_at: Option<Timestamp>) -> Option<Timestamp> {
        [self.trim_at, prune_at].into_iter().flatten().min()
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

    pub(super) fn audience(&self) -> &Audiences {
        &self.audience
    }

    /// Whether the room is of no interest any more.
    pub(super) fn is_idle(&self) -> bool {
        self.connections == 0 && self.members.is_empty()
    }
}
