//! Decides which TCP connections are admitted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::permit::ConnectionPermit;
use crate::client_address::{ClientAddress, TrustedProxies};
use crate::limits::client_concurrency::ClientConcurrency;
use crate::limits::concurrency::ConcurrencyLimit;
use crate::limits::counters::LimitCounters;
use crate::limits::{Limit, Limits};

/// What is known of a TCP connection when it is admitted.
pub(super) struct Admitted {
    pub(super) peer: SocketAddr,
    pub(super) permit: ConnectionPermit,
    /// How long it may take to send the headers of a request, after its handshake if it has one.
    pub(super) header_patience: Duration,
    pub(super) body_patience: BodyPatience,
}

/// How long a request may take to send its body after its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyPatience(pub(crate) Duration);

/// Admits TCP connections within the limits.
#[derive(Debug)]
pub(crate) struct Gate {
    connections: Arc<ConcurrencyLimit<()>>,
    by_client: ClientConcurrency,
    proxies: TrustedProxies,
    most: u32,
    header_patience: Duration,
    request_patience: Duration,
    counters: Arc<LimitCounters>,
}

impl Gate {
    pub(crate) fn new(
        limits: &Limits,
        proxies: TrustedProxies,
        counters: Arc<LimitCounters>,
    ) -> Self {
        Self {
            connections: ConcurrencyLimit::new(),
            by_client: ClientConcurrency::new(
                limits.tcp_connections_per_address(),
                limits.connections_per_network(),
            ),
            proxies,
            most: limits.connections,
            header_patience: limits.header_patience,
            request_patience: limits.request_patience,
            counters,
        }
    }

    /// Admits a connection, unless a limit is reached. A trusted proxy may have any number of
    /// connections.
    pub(super) fn admit(&self, peer: SocketAddr) -> Option<Admitted> {
        let permit = self.permit(peer)?;
        // Only connections that arrive while most are taken have less time, so that slow ones do
        // not keep others out.
        let is_crowded = u64::from(self.connections()) * 5 > u64::from(self.most) * 4;
        let patience = |time: Duration| if is_crowded { time.min(CROWDED_PATIENCE) } else { time };
        Some(Admitted {
            peer,
            permit,
            header_patience: patience(self.header_patience),
            body_patience: BodyPatience(patience(self.request_patience)),
        })
    }

    fn permit(&self, peer: SocketAddr) -> Option<ConnectionPermit> {
        let Some(of_all) = self.connections.acquire((), self.most) else {
            self.counters.count(Limit::Connections);
            return None;
        };
        if self.proxies.contain(peer.ip()) {
            return Some(ConnectionPermit::new(of_all, None));
        }
        match self.by_client.acquire(ClientAddress::of(peer.ip())) {
            Ok(of_client) => Some(ConnectionPermit::new(of_all, Some(of_client))),
            Err(exhausted) => {
                self.counters.count(exhausted.into());
                None
            }
        }
    }

    /// How long a request may take after its headers.
    pub(super) fn request_patience(&self) -> Duration {
        self.request_patience
    }

    /// Counts a connection that was closed because its request or its response took too long.
    pub(super) fn count_request_timeout(&self) {
        self.counters.count(Limit::RequestPatience);
    }

    /// Counts a connection that was closed because its headers were not complete in time.
    pub(super) fn count_header_timeout(&self) {
        self.counters.count(Limit::HeaderPatience);
    }

    /// The number of open connections.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.count(&())
    }
}

const CROWDED_PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::client_address::ForwardedHeader;
    use crate::metrics::Metrics;

    fn gate(connections: u32, connections_per_address: u32) -> Gate {
        let limits = Limits { connections, connections_per_address, ..Limits::default() };
        let proxies = TrustedProxies::new(
            vec!["10.0.0.0/8".parse().expect("a network")],
            ForwardedHeader::default(),
        );
        Gate::new(&limits, proxies, Arc::new(LimitCounters::new(Metrics::new())))
    }

    /// The peer in that subnet of 64 bits of a network of 48 bits.
    fn peer(network: u16, subnet: u16) -> SocketAddr {
        let ip = Ipv6Addr::new(0x2001, 0xdb8, network, subnet, 0, 0, 0, 1);
        SocketAddr::new(ip.into(), 4711)
    }

    #[test]
    fn a_network_has_at_most_a_quarter_of_all_connections() {
        let gate = gate(40, 1);
        let mut open: Vec<_> = (0..10).map(|subnet| gate.admit(peer(1, subnet)).unwrap()).collect();
        assert!(gate.admit(peer(1, 10)).is_none(), "the network has its quarter");
        open.push(gate.admit(peer(2, 0)).expect("another network has its own"));
        open.remove(0);
        assert!(gate.admit(peer(1, 10)).is_some(), "a connection of the network has ended");
        let proxy = SocketAddr::new(Ipv4Addr::new(10, 0, 0, 1).into(), 4711);
        open.extend((0..29).map(|_| gate.admit(proxy).expect("a proxy has any number")));
    }

    #[test]
    fn an_address_with_a_higher_limit_leaves_half_of_a_small_server_to_others() {
        for (connections, of_address, most) in [(24, 4, 8), (8, 3, 4), (2, 200, 1), (1, 200, 1)] {
            let gate = gate(connections, of_address);
            let open: Vec<_> = (0..most).map(|_| gate.admit(peer(1, 1)).unwrap()).collect();
            assert!(gate.admit(peer(1, 1)).is_none() && gate.admit(peer(1, 2)).is_none());
            let other = gate.admit(peer(2, 1)).is_some();
            assert_eq!(other, connections > 1, "{connections} connections, {} open", open.len());
        }
    }

    #[test]
    fn headers_and_bodies_have_a_second_each_when_most_connections_are_taken() {
        let gate = gate(10, 10);
        let patience = |admitted: &Admitted| {
            [admitted.header_patience, admitted.body_patience.0].map(|time| time.as_secs())
        };
        let open: Vec<_> = (0..9).map(|network| gate.admit(peer(network, 0)).unwrap()).collect();
        assert_eq!(patience(&open[7]), [5, 10]);
        assert_eq!(patience(&open[8]), [1, 1]);
    }
}
