//! Why a connection has failed.

use super::event::{ConnectionFailure, NoRelay};

/// What is known of the connection to one participant.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    /// Whether ICE has found a path over this connection.
    has_path: bool,
    /// Why no TURN server gave a relay although there are some.
    lacks_relay: Option<NoRelay>,
    last: Option<ConnectionFailure>,
}

impl Diagnosis {
    /// Another connection is opened.
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

    /// ICE or DTLS has failed, or has taken too long.
    pub(super) fn failed(&mut self) {
        self.last = Some(if self.has_path {
            ConnectionFailure::Handshake
        } else if let Some(reason) = self.lacks_relay {
            ConnectionFailure::NoRelay(reason)
        } else {
            ConnectionFailure::NoPath
        });
    }

    /// It has failed for a reason that is known.
    pub(super) fn failed_for(&mut self, failure: ConnectionFailure) {
        self.last = Some(failure);
    }

    pub(super) fn failure(&self) -> Option<ConnectionFailure> {
        self.last
    }
}
