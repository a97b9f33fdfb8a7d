//! What TURN servers answer when they are asked for a relay, which webrtc-rs only logs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rtc::stun::attributes::ATTR_ERROR_CODE;
use rtc::stun::message::Message;

use crate::session::NoRelay;

/// The TURN servers that one connection has asked for a relay, and the errors they have answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Relays(Arc<Mutex<BTreeMap<SocketAddr, Option<u16>>>>);

impl Relays {
    pub(super) fn sending(&self, to: SocketAddr, message: &[u8]) {
        if message.starts_with(&ALLOCATE_REQUEST) {
            // Servers refuse the first request in order to name the realm; the second one counts.
            self.errors().insert(to, None);
        }
    }

    pub(super) fn received(&self, from: SocketAddr, message: &[u8]) {
        if message.starts_with(&ALLOCATE_ERROR)
            && let Some(code) = error_code(message)
            && let Some(error) = self.errors().get_mut(&from)
        {
            *error = Some(code);
        }
    }

    /// Why there is no relay.
    pub(super) fn failure(&self) -> NoRelay {
        match self.errors().values().flatten().next() {
            Some(&code) => NoRelay::Refused { code },
            None => NoRelay::Unreachable,
        }
    }

    fn errors(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Option<u16>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 8489 section 14.8: the hundreds and the rest.
fn error_code(message: &[u8]) -> Option<u16> {
    let mut parsed = Message::new();
    parsed.unmarshal_binary(message).ok()?;
    let [_, _, hundreds, rest, ..] = parsed.get(ATTR_ERROR_CODE).ok()?[..] else { return None };
    Some(u16::from(hundreds & 0b111) * 100 + u16::from(rest))
}

/// RFC 8656 section 17: how messages of the method Allocate begin.
const ALLOCATE_REQUEST: [u8; 2] = [0x00, 0x03];
const ALLOCATE_ERROR: [u8; 2] = [0x01, 0x13];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_refusal_of_a_server_that_was_asked_is_the_reason() {
        let relays = Relays::default();
        let [server, stranger] = ["192.0.2.1:3478", "192.0.2.2:3478"].map(|at| at.parse().unwrap());
        let request = [&ALLOCATE_REQUEST[..], &[0; 18]].concat();
        relays.sending(server, &request);
        assert_eq!(relays.failure(), NoRelay::Unreachable);
        relays.received(server, &refusal(4, 1));
        relays.received(stranger, &refusal(4, 86));
        assert_eq!(relays.failure(), NoRelay::Refused { code: 401 });
        // It asked for a credential, and then fell silent.
        relays.sending(server, &request);
        assert_eq!(relays.failure(), NoRelay::Unreachable);
        relays.received(server, &refusal(4, 86));
        assert_eq!(relays.failure(), NoRelay::Refused { code: 486 });
    }

    fn refusal(hundreds: u8, rest: u8) -> Vec<u8> {
        let cookie_and_id = [&[0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let attribute = [0, 9, 0, 4, 0, 0, hundreds, rest];
        [&ALLOCATE_ERROR[..], &[0, 8], &cookie_and_id, &attribute].concat()
    }
}
