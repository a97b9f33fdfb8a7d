//! The state that the sockets of one connection share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::Notify;

use super::relays::Relays;
use super::sctp_init::SctpInit;
use super::timer::Timer;
use crate::turn::TurnServers;

/// Cloned into each [`Socket`](super::socket::Socket), which reports through it.
#[derive(Clone, Debug)]
pub(super) struct Sockets {
    pub(super) turn: Arc<TurnServers>,
    pub(super) relays: Relays,
    pub(super) sctp_init: SctpInit,
    /// Notified when media can no longer be sent over the current path.
    pub(super) path_lost: Arc<Notify>,
    /// Notified when the stream to a TURN server has broken, which ends its relay.
    pub(super) stream_broken: Arc<Notify>,
    /// The bytes that were sent, except STUN. webrtc-rs also counts bytes that were not sent.
    pub(super) sent_bytes: Arc<AtomicU64>,
    /// The timer of the driver of webrtc-rs.
    pub(super) timer: Timer,
}

impl Sockets {
    pub(super) fn new(turn: Arc<TurnServers>) -> Self {
        Self {
            turn,
            relays: Relays::default(),
            sctp_init: SctpInit::default(),
            path_lost: Arc::default(),
            stream_broken: Arc::default(),
            sent_bytes: Arc::default(),
            timer: Timer::default(),
        }
    }
}
