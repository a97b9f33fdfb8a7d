//! Why a frame cannot be decoded.

use std::fmt;

use thiserror::Error;

use crate::error::ErrorCode;
use crate::message::RequestId;

/// A frame could not be decoded.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{problem}")]
#[non_exhaustive]
pub struct DecodeError {
    /// What is wrong with the frame.
    pub problem: Problem,
    /// The request id of the message, if it could be read.
    pub req: Option<RequestId>,
}

/// What is wrong with a frame.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// The frame is not JSON, or a field is missing or of the wrong type.
    #[error("{0}")]
    Invalid(String),
    /// The `error` message has a code that this version does not know.
    #[error("unknown error code `{0}`")]
    UnknownErrorCode(String),
    /// The addressee cannot be a participant id.
    #[error("`to` is not the id of a participant")]
    UnknownPeer,
    /// This version does not know the type of the message.
    #[error("unknown message type")]
    UnknownType,
}

impl DecodeError {
    /// The error code for the sender of the frame.
    pub fn code(&self) -> ErrorCode {
        match &self.problem {
            Problem::Invalid(_) | Problem::UnknownErrorCode(_) => ErrorCode::InvalidMessage,
            Problem::UnknownPeer => ErrorCode::PeerNotFound,
            Problem::UnknownType => ErrorCode::UnknownType,
        }
    }
}

impl From<Problem> for DecodeError {
    fn from(problem: Problem) -> Self {
        Self { problem, req: None }
    }
}

/// The text of a serde error without the wrong value.
///
/// The value may be a password in the wrong place, and errors are shown and logged.
///
/// ```
/// let error = serde_json::from_str::<u8>("\"secret\"").unwrap_err();
/// let text = "invalid type: string \"secret\", expected u8 at line 1 column 8";
/// assert_eq!(error.to_string(), text);
/// assert_eq!(signal_core::wire::without_value(error), "expected u8 at line 1 column 8");
/// ```
pub fn without_value(error: impl fmt::Display) -> String {
    let text = error.to_string();
    // The last occurrence is serde's own; an earlier one may be part of the value.
    match text.rfind(EXPECTED) {
        Some(at) => text[at + 2..].to_owned(),
        None => text,
    }
}

const EXPECTED: &str = ", expected ";

impl Problem {
    pub(super) fn invalid(error: impl fmt::Display) -> Self {
        Self::Invalid(without_value(error))
    }

    pub(super) fn field(name: &str, error: impl fmt::Display) -> Self {
        Self::Invalid(format!("`{name}`: {error}"))
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::Invalid(format!("missing field `{name}`"))
    }
}
