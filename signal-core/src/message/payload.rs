//! JSON values that are passed on unread.

use std::fmt;

use bytes::Bytes;

/// A JSON value exactly as its sender wrote it: an SDP, a candidate, a state, data of the application.
///
/// It is a slice of the frame it arrived in: passing it on neither parses nor re-encodes it. The slice keeps
/// the whole frame alive, so [`detach`](Self::detach) what you mean to keep. Make one with
/// [`wire::payload`](crate::wire::payload).
#[derive(Clone, Eq, PartialEq)]
pub struct Payload(Bytes);

impl Payload {
    /// Wraps a slice that is known to be exactly one JSON value.
    pub(crate) fn from_validated(json: Bytes) -> Self {
        Self(json)
    }

    /// The value `[]`.
    pub(crate) fn empty_list() -> Self {
        Self(Bytes::from_static(b"[]"))
    }

    /// The value `null`.
    pub(crate) fn null() -> Self {
        Self(Bytes::from_static(b"null"))
    }

    /// The JSON text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same value in memory of its own.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl From<Payload> for Bytes {
    /// The JSON text, without a copy.
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

/// Shows the size only: an SDP holds addresses and key fingerprints, which do not belong in a log.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}
