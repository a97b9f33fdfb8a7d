//! What the sockets of one connection share.

use std::sync::Arc;

use tokio::sync::Notify;

use super::relays::Relays;
use crate::turn::TurnServers;

/// Cloned into each [`Socket`](super::socket::Socket), which tells by it what it notices.
#[derive(Clone, Debug)]
pub(super) struct Sockets {
    pub(super) turn: Arc<TurnServers>,
    pub(super) relays: Relays,
    /// Notified when media cannot be sent from this machine any more as it was until then.
    pub(super) path_lost: Arc<Notify>,
    /// Notified when the stream to a TURN server has broken, which ends its relay.
    pub(super) stream_broken: Arc<Notify>,
}

impl Sockets {
    pub(super) fn new(turn: Arc<TurnServers>) -> Self {
        Self {
            turn,
            relays: Relays::default(),
            path_lost: Arc::default(),
            stream_broken: Arc::default(),
        }
    }
}
