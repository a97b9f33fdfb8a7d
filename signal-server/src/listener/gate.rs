//! Decides which TCP connections are admitted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::permit::ConnectionPermit;
use crate::client_address::{ClientAddress, TrustedProxies};
use crate::limits::concurrency::ConcurrencyLimit;
use crate::limits::counters::LimitCounters;
use crate::limits::{Limit, Limits};

/// What is known of a TCP connection when it is admitted.
pub(super) struct Admitted {
    pub(super) peer: SocketAddr,
    pub(super) permit: ConnectionPermit,
    /// How long it may take to send the headers of a request, after its handshake if it has one.
    pub(super) header_patience: Duration,
}

/// Admits TCP connections within the limits.
#[derive(Debug)]
pub(crate) struct Gate {
    connections: Arc<ConcurrencyLimit<()>>,
    by_address: Arc<ConcurrencyLimit<ClientAddress>>,
    proxies: TrustedProxies,
    most: u32,
    most_per_address: u32,
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
            by_address: ConcurrencyLimit::new(),
            proxies,
            most: limits.connections,
            // A client may have one request for each of its sockets.
            most_per_address: limits.connections_per_address.saturating_mul(2),
            header_patience: limits.header_patience,
            request_patience: limits.request_patience,
            counters,
        }
    }

    /// Admits a connection, unless a limit is reached. A trusted proxy may have any number of
    /// connections.
    pub(super) fn admit(&self, peer: SocketAddr) -> Option<Admitted> {
        let permit = self.permit(peer)?;
        // Only connections that arrive while most are taken have less time.
        Some(Admitted { peer, permit, header_patience: self.header_patience() })
    }

    fn permit(&self, peer: SocketAddr) -> Option<ConnectionPermit> {
        let Some(of_all) = self.connections.acquire((), self.most) else {
            self.counters.count(Limit::Connections);
            return None;
        };
        if self.proxies.contain(peer.ip()) {
            return Some(ConnectionPermit::new(of_all, None));
        }
        let address = ClientAddress::of(peer.ip());
        let Some(of_address) = self.by_address.acquire(address, self.most_per_address) else {
            self.counters.count(Limit::ConnectionsPerAddress);
            return None;
        };
        Some(ConnectionPermit::new(of_all, Some(of_address)))
    }

    /// How long a connection may take to send the headers of a request. It is less when most
    /// connections are taken, so that silent ones do not keep others out.
    fn header_patience(&self) -> Duration {
        let is_crowded = u64::from(self.connections()) * 5 > u64::from(self.most) * 4;
        if is_crowded { self.header_patience.min(CROWDED_PATIENCE) } else { self.header_patience }
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
