//! The replies of a shard that wait until a change to a room is on disk.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use signal_core::RoomId;
use signal_core::hub::OpId;
use signal_core::room::{Receipt, Reject, Room};
use tokio::sync::oneshot;

use crate::store::NotSaved;

/// The receiver of a reply that waits until the change is on disk.
#[derive(Debug)]
pub(super) enum PendingReply {
    Create {
        answer: oneshot::Sender<Result<(), NotSaved>>,
    },
    Hub {
        op: OpId,
        reply: Result<Receipt, Reject>,
    },
    /// The queue for webhooks, which sends the events of a new room from then on.
    Keep,
    /// `is_seen` tells whether participants see the change. A join or a wrong password only changes
    /// counts.
    Request {
        answer: oneshot::Sender<()>,
        is_seen: bool,
    },
}

/// The replies that wait, by room and in the order of the changes.
///
/// No change is announced before an earlier one. A reply that need not wait by itself therefore
/// waits behind one that has to, unless participants do not see the change of that one.
#[derive(Debug, Default)]
pub(super) struct PendingReplies {
    by_room: FxHashMap<RoomId, VecDeque<Group>>,
}

/// Replies that are sent together.
#[derive(Debug)]
pub(super) struct Group {
    /// The version that has to be on disk.
    awaits: u64,
    /// The newest record that may be announced then.
    pub(super) record: Arc<Room>,
    pub(super) replies: Vec<PendingReply>,
}

impl PendingReplies {
    /// Adds a reply that waits until that record is on disk.
    ///
    /// One group waits for the write that is under way, and all others for the newest record. So no
    /// more than two records of a room are held, however long a disk hangs.
    pub(super) fn push(&mut self, record: &Arc<Room>, reply: PendingReply) {
        let groups = self.by_room.entry(record.id()).or_default();
        let (awaits, record) = (record.version(), Arc::clone(record));
        let last = if groups.len() < 2 { None } else { groups.back_mut() };
        match last {
            Some(last) => {
                (last.awaits, last.record) = (awaits, record);
                last.replies.push(reply);
            }
            None => groups.push_back(Group { awaits, record, replies: vec![reply] }),
        }
    }

    /// Adds a reply that need not wait by itself. Returns it if it may be sent at once.
    pub(super) fn push_behind(
        &mut self,
        record: &Arc<Room>,
        reply: PendingReply,
    ) -> Option<PendingReply> {
        let Some(groups) = self.by_room.get_mut(&record.id()) else { return Some(reply) };
        let behind = groups.iter().rposition(Group::is_seen);
        // A record that is announced later is not older than this one.
        for group in groups.iter_mut().skip(behind.unwrap_or_default()) {
            group.record = Arc::clone(record);
        }
        match behind {
            Some(index) => {
                groups[index].replies.push(reply);
                None
            }
            None => Some(reply),
        }
    }

    /// Takes out the next replies that waited for that version or an older one.
    pub(super) fn pop(&mut self, room: RoomId, version: u64) -> Option<Group> {
        let groups = self.by_room.get_mut(&room)?;
        let group = groups.pop_front_if(|group| group.awaits <= version);
        if groups.is_empty() {
            self.by_room.remove(&room);
        }
        group
    }

    /// Drops the replies of a room that is withdrawn.
    pub(super) fn remove(&mut self, room: RoomId) {
        self.by_room.remove(&room);
    }
}

impl Group {
    /// Whether participants see one of the changes.
    fn is_seen(&self) -> bool {
        self.replies.iter().any(|reply| match reply {
            PendingReply::Create { .. } | PendingReply::Hub { .. } => true,
            PendingReply::Keep => false,
            PendingReply::Request { is_seen, .. } => *is_seen,
        })
    }
}
