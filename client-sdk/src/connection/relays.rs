//! The relays that TURN servers allocate, and their errors, which webrtc-rs only logs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rtc::stun::attributes::ATTR_ERROR_CODE;
use rtc::stun::message::Message;

use crate::session::NoRelay;
use crate::turn::StandIn;

/// The outcome of each allocation request of the current sockets of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Relays(Arc<Mutex<BTreeMap<Allocation, Outcome>>>);

/// An allocation that one socket has requested from one server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Allocation {
    pub(super) local: SocketAddr,
    pub(super) server: SocketAddr,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// There is no answer yet.
    Asked,
    /// There was a relay, until the stream to its server broke.
    Broken,
    Given,
    Refused(u16),
}

impl Relays {
    pub(super) fn sending(&self, allocation: Allocation, message: &[u8]) {
        if message.starts_with(&ALLOCATE_REQUEST) {
            // Servers refuse the first request in order to name the realm; the second one counts.
            self.outcomes().insert(allocation, Outcome::Asked);
        }
    }

    pub(super) fn received(&self, allocation: Allocation, message: &[u8]) {
        let answer = if message.starts_with(&ALLOCATE_ANSWER) {
            Some(Outcome::Given)
        } else if message.starts_with(&ALLOCATE_ERROR) {
            error_code(message).map(Outcome::Refused)
        } else {
            None
        };
        if let Some(answer) = answer
            && let Some(outcome) = self.outcomes().get_mut(&allocation)
        {
            *outcome = answer;
        }
    }

    /// Notes that the stream of an allocation has broken.
    pub(super) fn broke(&self, allocation: Allocation) {
        if let Some(outcome) = self.outcomes().get_mut(&allocation) {
            *outcome = Outcome::Broken;
        }
    }

    /// Forgets the relays of a socket that is gone, as after an ICE restart.
    pub(super) fn forget(&self, local: SocketAddr) {
        self.outcomes().retain(|allocation, _| allocation.local != local);
    }

    /// Whether there is any relay.
    pub(super) fn any(&self) -> bool {
        self.outcomes().values().any(|outcome| *outcome == Outcome::Given)
    }

    /// Whether the stream has broken over which a socket had a relay of the server with that URL.
    pub(super) fn has_broken(&self, local: SocketAddr, url: &str) -> bool {
        self.outcomes().iter().any(|(allocation, outcome)| {
            let server = StandIn::of(allocation.server).map(StandIn::url);
            *outcome == Outcome::Broken
                && allocation.local == local
                && server.is_some_and(|server| server == url)
        })
    }

    /// Why there is no relay.
    pub(super) fn failure(&self) -> NoRelay {
        let code = self.outcomes().values().find_map(|outcome| match outcome {
            Outcome::Refused(code) => Some(*code),
            Outcome::Asked | Outcome::Broken | Outcome::Given => None,
        });
        code.map_or(NoRelay::Unreachable, |code| NoRelay::Refused { code })
    }

    fn outcomes(&self) -> MutexGuard<'_, BTreeMap<Allocation, Outcome>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error code of a response, from its class and number (RFC 8489 section 14.8).
fn error_code(message: &[u8]) -> Option<u16> {
    let mut parsed = Message::new();
    parsed.unmarshal_binary(message).ok()?;
    let [_, _, hundreds, rest, ..] = parsed.get(ATTR_ERROR_CODE).ok()?[..] else { return None };
    Some(u16::from(hundreds & 0b111) * 100 + u16::from(rest))
}

/// The types of messages of the method Allocate (RFC 8656 section 17).
const ALLOCATE_REQUEST: [u8; 2] = [0x00, 0x03];
const ALLOCATE_ANSWER: [u8; 2] = [0x01, 0x03];
const ALLOCATE_ERROR: [u8; 2] = [0x01, 0x13];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_refusal_of_a_server_that_was_asked_is_the_reason() {
        let relays = Relays::default();
        let [server, stranger] = ["192.0.2.1:3478", "192.0.2.2:3478"].map(|to| asked(1, to));
        relays.sending(server, &request());
        assert_eq!(relays.failure(), NoRelay::Unreachable);
        relays.received(server, &refusal(4, 1));
        relays.received(stranger, &refusal(4, 86));
        assert_eq!(relays.failure(), NoRelay::Refused { code: 401 });
        // The server requested a credential and then stopped answering.
        relays.sending(server, &request());
        assert_eq!(relays.failure(), NoRelay::Unreachable);
        relays.received(server, &refusal(4, 86));
        assert_eq!(relays.failure(), NoRelay::Refused { code: 486 });
    }

    #[test]
    fn a_relay_is_gone_with_its_socket() {
        let relays = Relays::default();
        let [before, after] = [1, 2].map(|port| asked(port, "192.0.2.1:3478"));
        relays.sending(before, &request());
        assert!(!relays.any());
        relays.received(before, &[&ALLOCATE_ANSWER[..], &[0; 18]].concat());
        assert!(relays.any());
        relays.sending(after, &request());
        relays.forget(before.local);
        assert!(!relays.any());
    }

    #[test]
    fn a_stream_that_breaks_ends_the_relay_of_its_own_socket_and_server_alone() {
        let relays = Relays::default();
        let urls = ["240.0.0.0", "240.0.0.1"].map(|at| format!("turn:{at}:3478?transport=udp"));
        for port in [1, 2] {
            for server in ["240.0.0.0:3478", "240.0.0.1:3478"] {
                relays.sending(asked(port, server), &request());
                relays.received(asked(port, server), &[&ALLOCATE_ANSWER[..], &[0; 18]].concat());
            }
        }
        relays.broke(asked(1, "240.0.0.1:3478"));
        let broken = [1, 2].map(|port| {
            let local = asked(port, "240.0.0.0:3478").local;
            urls.each_ref().map(|url| relays.has_broken(local, url))
        });
        assert_eq!(broken, [[false, true], [false, false]]);
        assert!(relays.any());
    }

    fn asked(port: u16, server: &str) -> Allocation {
        Allocation { local: ([192, 0, 2, 9], port).into(), server: server.parse().unwrap() }
    }

    fn request() -> Vec<u8> {
        [&ALLOCATE_REQUEST[..], &[0; 18]].concat()
    }

    fn refusal(hundreds: u8, rest: u8) -> Vec<u8> {
        let cookie_and_id = [&[0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let attribute = [0, 9, 0, 4, 0, 0, hundreds, rest];
        [&ALLOCATE_ERROR[..], &[0, 8], &cookie_and_id, &attribute].concat()
    }
}
