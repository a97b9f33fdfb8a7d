//! The replies of a shard that wait until a change to a room is on disk.

use std::sync::Arc;

use signal_core::{Applied, OpId, Room, RoomIdTaken};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::store::NotSaved;

/// Who gets the reply when the change is on disk.
#[derive(Debug)]
pub(super) enum PendingReply {
    Create { room: Arc<Room>, answer: oneshot::Sender<Result<Arc<Room>, CreateError>> },
    Hub { op: OpId, applied: Applied },
    Request { applied: Applied, answer: oneshot::Sender<Applied> },
}

/// Why a room could not be created.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum CreateError {
    #[error(transparent)]
    IdTaken(#[from] RoomIdTaken),
    #[error(transparent)]
    NotSaved(#[from] NotSaved),
    #[error("the server is stopping")]
    Stopping,
}
