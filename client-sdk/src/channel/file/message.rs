//! What the two sides say to each other besides the bytes of the file: JSON texts.

use serde::{Deserialize, Serialize};

use super::FileError;
use super::digest::Digest;
use crate::channel::DataMessage;

/// The first message of the sender: `{"file":{"name":…,"size":…,"sha256":…}}`.
#[derive(Deserialize, Serialize)]
pub(super) struct Offer {
    pub(super) file: Described,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

/// What the receiver says: `{"from":0}`, `{"refused":"reason"}`, `{"failed":"reason"}` or
/// `{"done":true}`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// Send it from this byte on.
    From(u64),
    Refused(String),
    Failed(String),
    /// All of it is there, and is what was offered.
    Done(bool),
}

pub(super) fn encode(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("text and numbers have a JSON form")
}

pub(super) fn decode<'a, T: Deserialize<'a>>(message: &'a DataMessage) -> Result<T, FileError> {
    serde_json::from_slice(&message.data).map_err(|error| FileError::Protocol(error.to_string()))
}
