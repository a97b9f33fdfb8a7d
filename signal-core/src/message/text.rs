//! Short texts that programs attach to messages: request ids and topics.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A text by which a participant recognizes the answer to a request: 1 to 64 characters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RequestId(Arc<str>);

/// The topic of an application message: 1 to 64 characters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Topic(Arc<str>);

/// A text is empty or longer than 64 characters.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected 1 to {MAX_CHARS} characters")]
pub struct InvalidText;

impl RequestId {
    /// Creates a request id.
    ///
    /// # Errors
    ///
    /// The text is empty or longer than 64 characters.
    pub fn new(text: &str) -> Result<Self, InvalidText> {
        short(text).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Topic {
    /// Creates a topic.
    ///
    /// # Errors
    ///
    /// The text is empty or longer than 64 characters.
    pub fn new(text: &str) -> Result<Self, InvalidText> {
        short(text).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const MAX_CHARS: usize = 64;

fn short(text: &str) -> Result<Arc<str>, InvalidText> {
    // Characters are counted only if the number of bytes does not decide.
    let fits = !text.is_empty() && text.len() <= 4 * MAX_CHARS && text.chars().count() <= MAX_CHARS;
    if fits { Ok(text.into()) } else { Err(InvalidText) }
}
