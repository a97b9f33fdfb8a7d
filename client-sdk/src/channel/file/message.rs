//! The JSON messages of a file transfer, besides the bytes of the file.

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

/// The messages of the receiver: `{"from":0}`, `{"refused":"reason"}`, `{"failed":"reason"}` or
/// `{"done":true}`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// The sender sends the file from this byte on.
    From(u64),
    Refused(String),
    Failed(String),
    /// The whole file has arrived and has the offered checksum.
    Done(bool),
}

pub(super) fn encode(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("text and numbers have a JSON form")
}

pub(super) fn decode<'a, T: Deserialize<'a>>(message: &'a DataMessage) -> Result<T, FileError> {
    serde_json::from_slice(&message.data).map_err(|error| FileError::Protocol(error.to_string()))
}
