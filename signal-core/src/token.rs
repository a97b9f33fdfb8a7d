//! Secrets that open something, as far as the core has to know them.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

/// A keyed MAC of a room's password, so that no record ever holds the password itself.
///
/// The host computes it, with a key of its own and over the room as well as the password, so that equal
/// passwords of two rooms do not show. Comparing takes the same time wherever two tags differ.
#[derive(Clone, Copy)]
pub struct PasswordTag([u8; 32]);

impl PasswordTag {
    /// Wraps a MAC, for example an HMAC-SHA256 (RFC 2104).
    pub fn new(mac: [u8; 32]) -> Self {
        Self(mac)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for PasswordTag {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for PasswordTag {}

/// Redacted: whoever holds a tag and the key can try every password.
impl fmt::Debug for PasswordTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordTag(..)")
    }
}

/// The hash of a resume or invite token, which is all that a record keeps of it.
///
/// The tokens are long and random, so a plain hash (SHA-256) is enough. Comparing takes the same time wherever
/// two hashes differ.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Wraps a hash.
    pub fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

/// Redacted, like all that has to do with secrets.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// A resume token that the host has made: 256 random bits as text, and their hash.
///
/// The text goes to the participant, in `joined` and `resumed`; the hash goes into the record.
#[derive(Clone)]
pub struct ResumeToken {
    text: Arc<str>,
    hash: TokenHash,
}

impl ResumeToken {
    /// Takes a fresh token; `hash` is what the host will make of `text` when it is presented.
    pub fn new(text: impl Into<Arc<str>>, hash: TokenHash) -> Self {
        Self { text: text.into(), hash }
    }

    /// What the record keeps.
    pub fn hash(&self) -> TokenHash {
        self.hash
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

/// Redacted.
impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeToken(..)")
    }
}
