//! Why a request to the server fails.

use std::time::Duration;

use thiserror::Error;

/// Why a request to the server failed, or why its outcome is unknown.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// 256 requests, or 256 KiB of them, wait for the server already.
    #[error("the server has not accepted earlier messages yet")]
    Busy,
    /// The participant has left the room, or the room was closed.
    #[error("the room is closed")]
    Closed,
    /// The caller's fault: the value has no JSON form.
    #[error("the value cannot be written as JSON: {0}")]
    Json(String),
    /// The signaling connection was lost before the outcome was known. The server may or may not
    /// have accepted the request.
    #[error("the signaling connection was lost, and the server may or may not have the message")]
    Lost,
    /// The caller's fault: the name has no visible characters, or is too long.
    #[error("the name cannot be shown: {0}")]
    Name(String),
    /// The server refused, for example with `peer_not_found`, `peer_unreachable`, `self_target`,
    /// `message_too_large` or `rate_limited`.
    #[error("the server refused: {message} ({code})")]
    Refused {
        /// The stable code.
        code: String,
        /// A human-readable reason.
        message: String,
        /// How long to wait before trying again; `None` if that is of no use.
        retry_after: Option<Duration>,
    },
    /// The caller's fault: the JSON is larger than the protocol allows.
    #[error("{bytes} bytes of JSON are too many: at most {most}")]
    TooLarge {
        /// The size in bytes.
        bytes: usize,
        /// The limit in bytes.
        most: usize,
    },
    /// The caller's fault: the topic is empty or too long.
    #[error("a topic has 1 to 64 characters")]
    Topic,
    /// The server speaks only v1, which has no such request.
    #[error("the server does not relay application messages")]
    Unsupported,
}
