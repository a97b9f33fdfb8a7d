//! The parts of a description that a session reads (RFC 8866).

use super::ice_candidate::IceCandidate;

/// The identity of a connection in the other side's description.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Remote {
    fingerprint: Option<String>,
    ice_ufrag: Option<String>,
}

impl Remote {
    pub(super) fn of(sdp: &str) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self { fingerprint: own(fingerprint(sdp)), ice_ufrag: own(ice_ufrag(sdp)) }
    }

    /// Whether `later` describes another connection of the same participant.
    pub(super) fn is_rebuilt_as(&self, later: &Self) -> bool {
        self.fingerprint != later.fingerprint
    }

    pub(super) fn restarts_ice_as(&self, later: &Self) -> bool {
        self.ice_ufrag != later.ice_ufrag
    }

    /// Whether a candidate belongs to this description, and not to one from before or after an ICE
    /// restart. Candidates without a user fragment are accepted.
    pub(super) fn takes(&self, candidate: &IceCandidate) -> bool {
        match (candidate.ice_ufrag(), &self.ice_ufrag) {
            (Some(of), Some(known)) => of == known,
            (None, _) | (_, None) => true,
        }
    }
}

/// Whether it describes any media or data, and thus a connection.
pub(super) fn has_sections(sdp: &str) -> bool {
    sdp.lines().any(|line| line.starts_with("m="))
}

/// The DTLS fingerprint (RFC 8122). A new one means a new connection.
fn fingerprint(sdp: &str) -> Option<&str> {
    attribute(sdp, "a=fingerprint:")
}

/// The ICE user fragment (RFC 8839). A new one means an ICE restart.
fn ice_ufrag(sdp: &str) -> Option<&str> {
    attribute(sdp, "a=ice-ufrag:")
}

fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The answer to an offer without media sections.
pub(super) const WITHOUT_SECTIONS: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
