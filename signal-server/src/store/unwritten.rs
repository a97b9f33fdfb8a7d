//! Which rooms have changes on their way to the disk.

use rustc_hash::FxHashMap;
use signal_core::RoomId;
use tokio::sync::oneshot;

/// The rooms whose newest change is not written yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten(FxHashMap<RoomId, NewestWrite>);

#[derive(Debug)]
struct NewestWrite {
    version: u64,
    /// Dropped when it is done.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Unwritten {
    /// Notes a change, which is written after all earlier ones of its room.
    pub(super) fn add(&mut self, room: RoomId, version: u64) {
        let newest = self.0.entry(room).or_insert(NewestWrite { version, waiting: Vec::new() });
        newest.version = version;
    }

    /// Notes that a change of that version is written, or could not be.
    pub(super) fn remove(&mut self, room: RoomId, version: u64) {
        if self.0.get(&room).is_some_and(|newest| newest.version <= version) {
            self.0.remove(&room);
        }
    }

    /// Ends when no change of the room is on its way any more, by the drop of its sender; `None` if
    /// none is.
    pub(super) fn done(&mut self, room: RoomId) -> Option<oneshot::Receiver<()>> {
        let (done_in, done) = oneshot::channel();
        self.0.get_mut(&room)?.waiting.push(done_in);
        Some(done)
    }
}
