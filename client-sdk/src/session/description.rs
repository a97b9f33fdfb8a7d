//! The two things a session reads in a description (RFC 8866).

/// The DTLS fingerprint (RFC 8122): another one means another connection.
pub(super) fn fingerprint(sdp: &str) -> Option<&str> {
    attribute(sdp, "a=fingerprint:")
}

/// The ICE user fragment (RFC 8839): another one means that ICE starts anew.
pub(super) fn ice_ufrag(sdp: &str) -> Option<&str> {
    attribute(sdp, "a=ice-ufrag:")
}

fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}
