//! Why a connection has failed.

use super::event::{ConnectionFailure, NoRelay};

/// The findings about the connection to one participant.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    /// Whether ICE has found a path over this connection.
    has_path: bool,
    /// Why no TURN server allocated a relay, although there are TURN servers.
    lacks_relay: Option<NoRelay>,
    last: Option<ConnectionFailure>,
}

impl Diagnosis {
    /// Notes that another connection is opened.
    pub(super) fn opened(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    pub(super) fn ice_connected(&mut self) {
        self.has_path = true;
    }

    pub(super) fn connected(&mut self) {
        self.last = None;
    }

    pub(super) fn relay_missing(&mut self, reason: NoRelay) {
        self.lacks_relay = Some(reason);
    }

    /// Notes that ICE or DTLS has failed, or has taken too long.
    pub(super) fn failed(&mut self) {
        self.last = Some(if self.has_path {
            ConnectionFailure::Handshake
        } else if let Some(reason) = self.lacks_relay {
            ConnectionFailure::NoRelay(reason)
        } else {
            ConnectionFailure::NoPath
        });
    }

    /// Notes a failure with a known reason.
    pub(super) fn failed_for(&mut self, failure: ConnectionFailure) {
        self.last = Some(failure);
    }

    pub(super) fn failure(&self) -> Option<ConnectionFailure> {
        self.last
    }
}
