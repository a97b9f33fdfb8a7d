//! ICE servers as the signaling server lists them.

use signal_core::{IceServer, IceServers};

/// The list that came over the signaling connection; `None` with a warning if it cannot be read.
pub(crate) fn ice_servers(ice: &IceServers) -> Option<Vec<IceServer>> {
    match serde_json::from_slice(ice.servers.as_bytes()) {
        Ok(servers) => Some(servers),
        Err(error) => {
            tracing::warn!(%error, "the server's list of ICE servers cannot be read");
            None
        }
    }
}

/// The URLs that webrtc-rs can use: STUN, and TURN over UDP.
pub(crate) fn usable_urls(server: &IceServer) -> Vec<String> {
    let (usable, other): (Vec<_>, Vec<_>) =
        server.urls.iter().cloned().partition(|url| is_usable(url));
    for url in other {
        tracing::warn!(
            url,
            "ICE server left out: TURN over TCP or TLS is not supported, only over UDP"
        );
    }
    usable
}

fn is_usable(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    lower.starts_with("stun:") || (lower.starts_with("turn:") && !lower.contains("transport=tcp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stun_and_turn_over_udp_are_used() {
        let urls = [
            "stun:a:3478",
            "turn:a:3478",
            "turn:a:3478?transport=udp",
            "turn:a:3478?transport=tcp",
            "turns:a:5349",
            "http://a",
        ];
        assert_eq!(usable_urls(&IceServer::stun(urls)), urls[..3]);
    }
}
