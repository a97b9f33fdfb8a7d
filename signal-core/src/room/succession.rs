//! Which of two records with one room id is newer: of one room, or of a later one with its id.

use super::Room;

impl Room {
    /// Takes the place of an earlier room with the same id. The versions go on, and the time of
    /// creation does not go back, so that each record of this room is newer than those of the
    /// earlier one.
    ///
    /// A store of your own calls this before it replaces a room that has ended by a new one.
    /// [`MemoryStore`](crate::store::MemoryStore) does it by itself.
    pub fn follow(&mut self, earlier: &Self) {
        self.version = earlier.version + 1;
        self.created_at = self.created_at.max(earlier.created_at);
    }

    /// Whether this is a later record of the same room, or one of a later room with the same id.
    pub(crate) fn is_newer_than(&self, known: &Self) -> bool {
        if self.epoch == known.epoch {
            return self.version > known.version;
        }
        (self.created_at, self.version) > (known.created_at, known.version)
    }
}
