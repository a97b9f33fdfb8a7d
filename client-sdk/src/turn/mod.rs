//! TURN servers over TCP and TLS (RFC 8656 section 3.1).
//!
//! webrtc-rs supports TURN servers over UDP only. Each of the others is represented by an unused
//! address, its stand-in, and datagrams to that address go over a [stream](TurnStream).

mod framing;
mod stream;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use signal_core::ice::{IceScheme, IceTransport, IceUrl};

pub(crate) use self::stream::{Received, TurnStream};
use crate::network::Network;

/// The TURN servers over TCP and TLS that one participant uses.
#[derive(Debug)]
pub(crate) struct TurnServers {
    network: Network,
    /// The servers, in the order of their stand-ins.
    known: Mutex<Vec<TurnServer>>,
}

/// A TURN server over TCP or TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
struct TurnServer {
    /// An IPv6 address is in brackets.
    host: String,
    port: u16,
    is_secure: bool,
}

/// The number of a TURN server, which is part of its addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct StandIn(u16);

impl TurnServers {
    pub(crate) fn new(network: Network) -> Self {
        Self { network, known: Mutex::default() }
    }

    /// The stand-in of a TURN server over TCP or TLS, which never changes; `None` for other
    /// servers.
    pub(crate) fn stand_in(&self, url: &IceUrl) -> Option<StandIn> {
        let is_secure = match (url.scheme(), url.transport()) {
            (IceScheme::Turn, IceTransport::Tcp) => false,
            (IceScheme::Turns, IceTransport::Tcp) => true,
            (IceScheme::Stun | IceScheme::Stuns, _)
            | (IceScheme::Turn | IceScheme::Turns, IceTransport::Udp) => return None,
        };
        let server = TurnServer { host: url.host().to_owned(), port: url.port(), is_secure };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match known.iter().position(|other| *other == server) {
            Some(number) => number,
            None if known.len() < MAX_SERVERS => {
                known.push(server);
                known.len() - 1
            }
            None => return None,
        };
        u16::try_from(number).ok().map(StandIn)
    }

    fn get(&self, StandIn(number): StandIn) -> Option<TurnServer> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(usize::from(number)).cloned()
    }
}

impl StandIn {
    /// Its URL for webrtc-rs.
    pub(crate) fn url(self) -> String {
        format!("turn:{}?transport=udp", self.addresses()[0])
    }

    /// One address of each IP version: reserved for future use (RFC 1112 section 4), and for
    /// discarded packets (RFC 6666).
    pub(crate) fn addresses(self) -> [SocketAddr; 2] {
        let [high, low] = self.0.to_be_bytes();
        let v6 = Ipv6Addr::new(0x0100, 0, 0, 0, 0, 0, 0, self.0);
        [(Ipv4Addr::new(240, 0, high, low), PORT).into(), (v6, PORT).into()]
    }

    pub(crate) fn of(address: SocketAddr) -> Option<Self> {
        let number = match address {
            SocketAddr::V4(address) => {
                let [.., high, low] = address.ip().octets();
                u16::from_be_bytes([high, low])
            }
            SocketAddr::V6(address) => {
                let [.., number] = address.ip().segments();
                number
            }
        };
        Some(Self(number)).filter(|stand_in| stand_in.addresses().contains(&address))
    }
}

impl fmt::Display for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, is_secure } = self;
        let scheme = if *is_secure { "turns" } else { "turn" };
        write!(f, "{scheme}:{host}:{port}?transport=tcp")
    }
}

const PORT: u16 = 3478;
/// More servers than a room ever has.
const MAX_SERVERS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_its_stand_in_and_no_other_address_leads_to_it() {
        let servers = TurnServers::new(Network::new(None, &[]).unwrap());
        let stand_in = |url: &str| servers.stand_in(&url.parse().unwrap());
        assert_eq!(stand_in("turn:a?transport=udp"), None);
        let first = stand_in("turn:a?transport=tcp").unwrap();
        let second = stand_in("turns:a").unwrap();
        assert_ne!(first, second);
        assert_eq!(stand_in("turns:a:5349?transport=tcp"), Some(second));
        assert_eq!(second.url(), "turn:240.0.0.1:3478?transport=udp");
        assert_eq!(second.addresses().map(StandIn::of), [Some(second); 2]);
        assert_eq!(servers.get(second).unwrap().to_string(), "turns:a:5349?transport=tcp");
        for other in ["240.0.0.1:1", "127.0.0.1:3478", "[100::1]:1", "[::1]:3478"] {
            assert_eq!(StandIn::of(other.parse().unwrap()), None, "{other}");
        }
    }
}
