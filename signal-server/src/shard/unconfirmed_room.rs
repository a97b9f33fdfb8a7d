//! A new room until its creator is told of it, so that a request that ends early leaves none.

use std::sync::Arc;

use signal_core::room::Room;
use thiserror::Error;
use tokio::sync::oneshot;

use super::Shard;
use crate::store::NotSaved;

/// A new room that its creator does not know of yet. Dropping this, as when a request times out,
/// withdraws the room: nobody would know its password, and it would count among the open rooms of
/// its creator.
pub(crate) struct UnconfirmedRoom<'a> {
    shard: &'a Shard,
    room: Arc<Room>,
    /// `None` once the answer has arrived.
    answered: Option<oneshot::Receiver<Result<(), NotSaved>>>,
    is_kept: bool,
}

/// Why a room could not be created.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum CreateError {
    #[error(transparent)]
    NotSaved(#[from] NotSaved),
    #[error("the server is stopping")]
    Stopping,
}

impl<'a> UnconfirmedRoom<'a> {
    pub(super) fn new(
        shard: &'a Shard,
        room: Arc<Room>,
        answered: oneshot::Receiver<Result<(), NotSaved>>,
    ) -> Self {
        Self { shard, room, answered: Some(answered), is_kept: false }
    }

    /// Waits until the room is saved.
    pub(crate) async fn saved(&mut self) -> Result<(), CreateError> {
        let Some(answered) = &mut self.answered else { return Ok(()) };
        answered.await.map_err(|_| CreateError::Stopping)??;
        self.answered = None;
        Ok(())
    }

    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Keeps the room, since its creator learns of it now.
    pub(crate) fn keep(mut self) -> Arc<Room> {
        self.is_kept = true;
        self.shard.tell_opened(&self.room);
        Arc::clone(&self.room)
    }
}

impl Drop for UnconfirmedRoom<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.shard.withdraw(&self.room);
        }
    }
}
