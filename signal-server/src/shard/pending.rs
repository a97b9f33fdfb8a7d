//! The replies of a shard that wait until a change to a room is on disk.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use signal_core::{OpId, Receipt, Reject, Room, RoomId};
use tokio::sync::oneshot;

use crate::store::NotSaved;

/// Who gets the reply when the change is on disk.
#[derive(Debug)]
pub(super) enum PendingReply {
    Create { answer: oneshot::Sender<Result<(), NotSaved>> },
    Hub { op: OpId, reply: Result<Receipt, Reject> },
    Request { answer: oneshot::Sender<()> },
}

/// The replies that wait, by room and in the order of the changes.
///
/// Nobody is told of a change before those that came earlier: a reply that need not wait by itself
/// waits behind one that does.
#[derive(Debug, Default)]
pub(super) struct PendingReplies {
    by_room: FxHashMap<RoomId, VecDeque<Group>>,
}

/// Replies that are given together.
#[derive(Debug)]
pub(super) struct Group {
    /// The version that has to be on disk.
    awaits: u64,
    /// The newest record that may be told then.
    pub(super) record: Arc<Room>,
    pub(super) replies: Vec<PendingReply>,
}

impl PendingReplies {
    /// Adds a reply that waits until that record is on disk. `is_merged` says that the record is
    /// written instead of an earlier one. Then the replies that wait for the earlier one wait for
    /// this one, so that no more than two records of a room are held, however long a disk hangs.
    pub(super) fn push(&mut self, record: &Arc<Room>, reply: PendingReply, is_merged: bool) {
        let groups = self.by_room.entry(record.id()).or_default();
        let (awaits, record) = (record.version(), Arc::clone(record));
        match groups.back_mut().filter(|_| is_merged) {
            Some(last) => {
                (last.awaits, last.record) = (awaits, record);
                last.replies.push(reply);
            }
            None => groups.push_back(Group { awaits, record, replies: vec![reply] }),
        }
    }

    /// Adds a reply that need not wait by itself. Returns it if it may be given at once.
    pub(super) fn push_behind(
        &mut self,
        record: &Arc<Room>,
        reply: PendingReply,
    ) -> Option<PendingReply> {
        let Some(last) = self.by_room.get_mut(&record.id()).and_then(VecDeque::back_mut) else {
            return Some(reply);
        };
        last.record = Arc::clone(record);
        last.replies.push(reply);
        None
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
