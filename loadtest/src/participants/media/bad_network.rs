//! The bad network of a participant: all its media goes over a path to a TURN server that loses,
//! delays, narrows and stalls.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use client_sdk::IceServer;
use thiserror::Error;
use tokio::net::lookup_host;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::network::udp_path::{Figures, Impairment, Path};
use crate::scenario::{Quality, Scenario, Stalls};

/// The network of one participant, for as long as this is held.
pub(super) struct BadNetwork {
    path: Arc<Path>,
    /// When its stalls began.
    stalls: Arc<Mutex<Vec<Instant>>>,
    stalling: Option<JoinHandle<()>>,
}

/// A participant cannot be given a bad network.
#[derive(Debug, Error)]
pub(super) enum BadNetworkError {
    #[error("the server lists no TURN server over UDP, which an impaired network needs")]
    NoTurn,
    #[error("cannot resolve the TURN server {0}")]
    Unknown(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl BadNetwork {
    /// A bad network before the first TURN server; `None` where the scenario has none for this
    /// participant.
    pub(super) async fn before(
        scenario: &Scenario,
        seat: u8,
        ice_servers: &[IceServer],
    ) -> Result<Option<Self>, BadNetworkError> {
        let is_impaired = scenario.impaired.is_none_or(|impaired| seat < impaired);
        if !scenario.has_bad_network() || !is_impaired {
            return Ok(None);
        }
        let mut urls = ice_servers.iter().flat_map(|server| &server.urls);
        let authority = urls.find_map(|url| udp_turn(url)).ok_or(BadNetworkError::NoTurn)?;
        let unknown = || BadNetworkError::Unknown(authority.to_owned());
        let far = resolve(authority).await.ok_or_else(unknown)?;
        let impairment = |quality: Option<Quality>| quality.map_or(Impairment::default(), |q| q.0);
        let path = Path::to(far, impairment(scenario.impair_up), impairment(scenario.impair_down));
        let path = Arc::new(path.await?);
        let stalls = Arc::<Mutex<Vec<Instant>>>::default();
        let stalling = scenario
            .impair_stall
            .map(|times| tokio::spawn(stall(Arc::clone(&path), times, Arc::clone(&stalls))));
        Ok(Some(Self { path, stalls, stalling }))
    }

    /// Where it begins.
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.path.port()).into()
    }

    /// When its stalls began, up to now.
    pub(super) fn stalls(&self) -> Vec<Instant> {
        self.stalls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn figures(&self) -> Figures {
        self.path.figures()
    }
}

impl Drop for BadNetwork {
    fn drop(&mut self) {
        if let Some(stalling) = &self.stalling {
            stalling.abort();
        }
    }
}

/// Breaks off at regular times, beginning at a random one, or all participants would at once.
async fn stall(path: Arc<Path>, times: Stalls, begun: Arc<Mutex<Vec<Instant>>>) {
    let Stalls { lasts, every } = times;
    sleep((every - lasts).mul_f64(rand::random())).await;
    loop {
        begun.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        path.cut(true);
        sleep(lasts).await;
        path.cut(false);
        sleep(every - lasts).await;
    }
}

/// The host and port of a URL of TURN over UDP.
fn udp_turn(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("turn:")?;
    let (authority, transport) = rest.split_once('?').unwrap_or((rest, "transport=udp"));
    (transport == "transport=udp").then_some(authority)
}

async fn resolve(authority: &str) -> Option<SocketAddr> {
    // Without a port it is 3478; an IPv6 address is in brackets.
    let has_port = authority.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    let authority = if has_port { authority.to_owned() } else { format!("{authority}:3478") };
    lookup_host(authority).await.ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_over_udp_is_told_from_other_ways() {
        assert_eq!(udp_turn("turn:a.example:99?transport=udp"), Some("a.example:99"));
        assert_eq!(udp_turn("turn:a.example"), Some("a.example"));
        for other in ["turn:a.example?transport=tcp", "turns:a.example", "stun:a.example"] {
            assert_eq!(udp_turn(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_turn_server_has_a_port_by_default() {
        assert_eq!(resolve("127.0.0.1").await, Some(([127, 0, 0, 1], 3478).into()));
        assert_eq!(resolve("[::1]:9").await, Some("[::1]:9".parse().unwrap()));
    }
}
