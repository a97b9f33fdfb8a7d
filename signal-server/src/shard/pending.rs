//! Who waits in a shard until a change to a room is safe.

use std::sync::Arc;

use signal_core::{Applied, Input, OpId, Room, Timestamp};
use tokio::sync::oneshot;

use super::{CreateError, Settled, State};
use crate::store::{Change, NotSaved, Save};

/// What is done when it is.
#[derive(Debug)]
pub(super) enum Waiting {
    Create { room: Arc<Room>, answer: oneshot::Sender<Result<Arc<Room>, CreateError>> },
    Hub { op: OpId, applied: Applied },
    Request { applied: Applied, answer: oneshot::Sender<Applied> },
}

impl State {
    /// Has a change written; whoever waits for that is told in [`settle`](Self::settle), at once if there is no disk.
    pub(super) fn keep(&mut self, change: Change, waiting: Waiting, now: Timestamp) {
        let Some(disk) = self.store.disk() else { return self.settle(waiting, Ok(()), now) };
        let is_new = matches!(waiting, Waiting::Create { .. });
        let settled = self.settled.clone();
        let then = Box::new(move |saved| {
            // Nobody waits any more when the shard is gone.
            let _ = settled.send(Settled::Saved(waiting, saved));
        });
        disk.save(Save { change, is_new, then });
    }

    /// Tells whoever waits. With a disk that fails everything goes on in memory, except that no room is created.
    pub(super) fn settle(&mut self, waiting: Waiting, saved: Result<(), NotSaved>, now: Timestamp) {
        // Whoever has asked may have gone.
        match waiting {
            Waiting::Create { room, answer } => {
                if saved.is_err() {
                    self.store.withdraw(room.id());
                }
                let _ = answer.send(saved.map(|()| room).map_err(CreateError::from));
            }
            Waiting::Hub { op, applied } => {
                self.hub.handle_input(Input::Committed { op, applied }, now)
            }
            Waiting::Request { applied, answer } => {
                if let Some(record) = &applied.record {
                    self.hub.handle_input(Input::Record(Arc::clone(record)), now);
                }
                let _ = answer.send(applied);
            }
        }
    }
}
