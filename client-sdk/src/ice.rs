//! ICE servers and candidates, as they travel in JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use signal_core::IceServers;

/// A STUN or TURN server (W3C WebRTC section 4.2.2).
///
/// Of the URLs those for STUN and for TURN over UDP are used. TURN over TCP (`transport=tcp`) and over TLS (`turns:`) is not
/// there in webrtc-rs: such URLs are left out with a warning in the log, and behind a network that lets no UDP through
/// nobody can be reached.
#[derive(Clone, Deserialize, Eq, PartialEq)]
pub struct IceServer {
    /// Like `stun:host:3478` or `turn:host:3478?transport=udp`.
    pub urls: Vec<String>,
    /// The user name of a TURN credential.
    #[serde(default)]
    pub username: Option<String>,
    /// The password of a TURN credential.
    #[serde(default)]
    pub credential: Option<String>,
}

impl IceServer {
    /// The list as the server sends it over the signaling connection.
    pub(crate) fn list(ice: &IceServers) -> Option<Vec<Self>> {
        match serde_json::from_slice(ice.servers.as_bytes()) {
            Ok(servers) => Some(servers),
            Err(error) => {
                tracing::warn!(%error, "the server's ICE servers are not understood");
                None
            }
        }
    }

    /// The URLs that can be used: STUN and TURN over UDP. webrtc-rs has no TURN over TCP or TLS.
    pub(crate) fn usable_urls(&self) -> Vec<String> {
        let (usable, other): (Vec<_>, Vec<_>) =
            self.urls.iter().cloned().partition(|url| is_usable(url));
        for url in other {
            tracing::warn!(
                url,
                "ICE server left out: TURN over TCP or TLS is not supported, only over UDP"
            );
        }
        usable
    }
}

/// Without the credential.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

fn is_usable(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    lower.starts_with("stun:") || (lower.starts_with("turn:") && !lower.contains("transport=tcp"))
}

/// An ICE candidate (RFC 8839), in the form of `RTCIceCandidateInit`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    /// The candidate attribute; empty at the end of candidates.
    pub candidate: String,
    /// The media section it is for, by identifier.
    #[serde(default)]
    pub sdp_mid: Option<String>,
    /// The media section it is for, by position.
    #[serde(default, rename = "sdpMLineIndex")]
    pub sdp_mline_index: Option<u16>,
    /// The ICE credentials it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

impl IceCandidate {
    /// The ICE credentials it belongs to, as it says itself or in its text (RFC 8839, extension `ufrag`).
    pub(crate) fn ice_ufrag(&self) -> Option<&str> {
        let in_text = || {
            let mut words = self.candidate.split_ascii_whitespace();
            words.find(|word| *word == "ufrag").and_then(|_| words.next())
        };
        self.username_fragment.as_deref().filter(|fragment| !fragment.is_empty()).or_else(in_text)
    }
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
        let server =
            IceServer { urls: urls.map(String::from).into(), username: None, credential: None };
        assert_eq!(server.usable_urls(), urls[..3]);
    }

    #[test]
    fn a_browsers_candidate_is_understood() {
        let json =
            r#"{"candidate":"candidate:1","sdpMLineIndex":0,"sdpMid":"0","usernameFragment":"x"}"#;
        let candidate: IceCandidate = serde_json::from_str(json).unwrap();
        assert_eq!((candidate.sdp_mline_index, candidate.sdp_mid.as_deref()), (Some(0), Some("0")));
    }
}
