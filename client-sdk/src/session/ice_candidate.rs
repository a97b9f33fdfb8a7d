//! An ICE candidate in its JSON form.

use serde::{Deserialize, Serialize};

/// An ICE candidate (RFC 8839), in the form of `RTCIceCandidateInit`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    /// The candidate attribute; empty at the end of candidates.
    pub candidate: String,
    /// The media section that it is for, by identifier.
    #[serde(default)]
    pub sdp_mid: Option<String>,
    /// The media section that it is for, by position.
    #[serde(default, rename = "sdpMLineIndex")]
    pub sdp_mline_index: Option<u16>,
    /// The user fragment of the ICE credentials that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

impl IceCandidate {
    /// The user fragment that it belongs to, from its own field or from its text (RFC 8839,
    /// extension `ufrag`).
    pub(super) fn ice_ufrag(&self) -> Option<&str> {
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
    fn a_browsers_candidate_is_understood() {
        let json =
            r#"{"candidate":"candidate:1","sdpMLineIndex":0,"sdpMid":"0","usernameFragment":"x"}"#;
        let candidate: IceCandidate = serde_json::from_str(json).unwrap();
        assert_eq!((candidate.sdp_mline_index, candidate.sdp_mid.as_deref()), (Some(0), Some("0")));
    }
}
