//! Limits on how many things of a kind an address, and a network, may have at once.

use std::net::IpAddr;
use std::sync::Arc;

use super::Limit;
use super::concurrency::{ConcurrencyLimit, Permit};
use crate::client_address::ClientAddress;

/// The numbers of permits that each address and each network may have. One owner may have many
/// addresses of a network.
#[derive(Debug)]
pub(crate) struct ClientConcurrency {
    by_address: Arc<ConcurrencyLimit<ClientAddress>>,
    by_network: Arc<ConcurrencyLimit<IpAddr>>,
    most_of_address: u32,
    most_of_network: u32,
}

/// A permit of an address and of its network. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct ClientPermit {
    #[expect(dead_code, reason = "held for its effect when dropped")]
    permits: (Permit<ClientAddress>, Permit<IpAddr>),
}

/// Who has all the permits that it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exhausted {
    Address,
    Network,
}

/// The limit of connections, and so of sockets, that is reached.
impl From<Exhausted> for Limit {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted {
            Exhausted::Address => Self::ConnectionsPerAddress,
            Exhausted::Network => Self::Connections,
        }
    }
}

impl ClientConcurrency {
    pub(crate) fn new(most_of_address: u32, most_of_network: u32) -> Self {
        Self {
            by_address: ConcurrencyLimit::new(),
            by_network: ConcurrencyLimit::new(),
            most_of_address,
            most_of_network,
        }
    }

    pub(crate) fn acquire(&self, client: ClientAddress) -> Result<ClientPermit, Exhausted> {
        let of_address = self.by_address.acquire(client, self.most_of_address);
        let of_address = of_address.ok_or(Exhausted::Address)?;
        let of_network = self.by_network.acquire(client.network(), self.most_of_network);
        let of_network = of_network.ok_or(Exhausted::Network)?;
        Ok(ClientPermit { permits: (of_address, of_network) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_its_network_have_so_many_permits_at_once() {
        let limit = ClientConcurrency::new(2, 3);
        let acquire = |ip: &str| limit.acquire(ClientAddress::of(ip.parse().unwrap()));
        let first = acquire("2001:db8:1:1::1").unwrap();
        let second = acquire("2001:db8:1:1::2").unwrap();
        assert_eq!(acquire("2001:db8:1:1::3").err(), Some(Exhausted::Address));
        let third = acquire("2001:db8:1:2::1").unwrap();
        for refused in ["2001:db8:1:2::1", "2001:db8:1:3::1"] {
            assert_eq!(acquire(refused).err(), Some(Exhausted::Network));
        }
        acquire("2001:db8:2:1::1").unwrap();
        drop((first, second, third));
        acquire("2001:db8:1:3::1").unwrap();
    }
}
