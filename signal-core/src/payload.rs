//! JSON values that are passed on unread.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// A JSON value exactly as its sender wrote it: an SDP, a candidate, a state or application data.
///
/// It is a slice of the frame that it arrived in, and is passed on without being parsed or encoded
/// again. The slice keeps the whole frame alive, so [`detach`](Self::detach) a payload before you
/// store it.
#[derive(Clone, Eq, PartialEq)]
pub struct Payload(Bytes);

/// A value that has no JSON form, or a text that is not exactly one JSON value.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct InvalidPayload(serde_json::Error);

impl Payload {
    /// Encodes a value: a string for an SDP, an object for a candidate, anything for data.
    ///
    /// # Errors
    ///
    /// The value has no JSON form; a map whose keys are not strings, for example.
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, InvalidPayload> {
        let json = serde_json::to_vec(value).map_err(InvalidPayload)?;
        Ok(Self(json.into()))
    }

    /// Takes a JSON text, for example one that was stored.
    ///
    /// # Errors
    ///
    /// The text is not exactly one JSON value.
    pub fn from_json(json: &Bytes) -> Result<Self, InvalidPayload> {
        let value: &RawValue = serde_json::from_slice(json).map_err(InvalidPayload)?;
        Ok(Self(json.slice_ref(value.get().as_bytes())))
    }

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

    /// The JSON text in the form that serde embeds in a larger value, which takes another scan.
    pub(crate) fn as_raw(&self) -> &RawValue {
        serde_json::from_slice(self.as_bytes())
            .expect("a payload is one JSON value, checked where it is built")
    }

    /// The named texts, if it is an object of texts.
    pub(crate) fn texts(&self) -> Result<BTreeMap<String, String>, InvalidPayload> {
        serde_json::from_slice(self.as_bytes()).map_err(InvalidPayload)
    }

    /// Copies the value into memory of its own.
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
