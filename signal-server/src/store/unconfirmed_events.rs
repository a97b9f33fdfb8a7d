//! The stored events that are removed with a room that is withdrawn.

use std::collections::BTreeMap;

use signal_core::RoomId;

use super::pending_write::{PendingWrite, RecordChange};

/// The ids of the stored events of new rooms whose creators may not know of them yet.
#[derive(Debug, Default)]
pub(super) struct UnconfirmedEvents(BTreeMap<RoomId, Vec<String>>);

impl UnconfirmedEvents {
    /// The events to remove with a write.
    pub(super) fn removed_by(&self, change: &RecordChange) -> impl Iterator<Item = &str> {
        let withdrawn = match change {
            RecordChange::Forget(room) => self.0.get(room),
            RecordChange::Put(_) | RecordChange::PutNew(_) => None,
        };
        withdrawn.into_iter().flatten().map(String::as_str)
    }

    /// Notes that the store is asked to do a write. It may do so although it reports an error.
    pub(super) fn note_attempt(&mut self, write: &PendingWrite) {
        let unconfirmed = write.events.iter().filter(|entry| entry.awaits_creator);
        let ids: Vec<_> = unconfirmed.map(|entry| entry.event.id.clone()).collect();
        if write.is_new() && !ids.is_empty() {
            self.0.insert(write.change.room(), ids);
        }
    }

    /// Notes that the store has done a write.
    pub(super) fn note_saved(&mut self, write: &PendingWrite) {
        // Only a room that somebody knows of changes.
        if !write.is_new() {
            self.0.remove(&write.change.room());
        }
    }
}
