//! The ICE servers that the signaling server lists.

use signal_core::ice::{IceScheme, IceServer, IceServers, IceTransport, IceUrl};

/// Reads the list from the signaling connection; `None` with a warning if it cannot be read.
pub(crate) fn ice_servers(ice: &IceServers) -> Option<Vec<IceServer>> {
    match serde_json::from_slice(ice.servers.as_bytes()) {
        Ok(servers) => Some(servers),
        Err(error) => {
            tracing::warn!(%error, "the server's list of ICE servers cannot be read");
            None
        }
    }
}

/// The usable URLs of a server: STUN over UDP, and TURN over UDP, TCP or TLS. Others are left out
/// with a warning, since webrtc-rs would refuse the whole list for one of them.
pub(crate) fn usable_urls(server: &IceServer) -> Vec<IceUrl> {
    let has_credential = server.username.is_some() && server.credential.is_some();
    let usable = server.urls.iter().filter_map(|url| match usable(url, has_credential) {
        Ok(usable) => Some(usable),
        Err(problem) => {
            tracing::warn!(url, problem, "left out a URL of an ICE server");
            None
        }
    });
    usable.collect()
}

fn usable(url: &str, has_credential: bool) -> Result<IceUrl, String> {
    let url: IceUrl =
        url.parse().map_err(|error: signal_core::ice::InvalidIceUrl| error.to_string())?;
    if url.is_relay() && !has_credential {
        return Err("a TURN server needs a username and a credential".to_owned());
    }
    match (url.scheme(), url.transport()) {
        (IceScheme::Stun | IceScheme::Turn, _) | (IceScheme::Turns, IceTransport::Tcp) => Ok(url),
        (IceScheme::Stuns, _) => Err("STUN over TLS is not supported, only over UDP".to_owned()),
        (IceScheme::Turns, IceTransport::Udp) => {
            Err("TURN over DTLS is not supported, only over UDP, TCP and TLS".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stun_over_udp_and_turn_over_udp_tcp_and_tls_are_used() {
        let urls = [
            "stun:a:3478",
            "turn:a:3478",
            "TURN:a:3478?transport=UDP",
            "stun:a:3478?transport=udp",
            "turn:a:3478?transport=tcp",
            "stuns:a:5349",
            "turns:a:5349",
            "turns:a:5349?transport=udp",
            "http://a",
        ];
        let usable = |server: &IceServer| -> Vec<String> {
            usable_urls(server).iter().map(IceUrl::to_string).collect()
        };
        let with_credential = IceServer::turn(urls, "user", "password");
        let expected = [
            "stun:a:3478",
            "turn:a:3478",
            "turn:a:3478?transport=udp",
            "turn:a:3478?transport=tcp",
            "turns:a:5349",
        ];
        assert_eq!(usable(&with_credential), expected);
        assert_eq!(usable(&IceServer::stun(urls)), expected[..1]);
    }
}
