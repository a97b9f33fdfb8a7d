//! Tags of passwords, and hashes of tokens.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

/// A keyed MAC of a room's password. A record holds the tag, never the password.
///
/// The host computes the tag with a key of its own, over the room as well as the password, so that
/// equal passwords of two rooms have different tags.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PasswordTag(Digest);

impl PasswordTag {
    /// Wraps a MAC, for example an HMAC-SHA256 (RFC 2104).
    pub const fn new(mac: [u8; 32]) -> Self {
        Self(Digest(mac))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

/// The hash of a resume or invite token. A record holds the hash, never the token.
///
/// Tokens are long and random, so a plain hash such as SHA-256 is enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenHash(Digest);

impl TokenHash {
    /// Wraps a hash.
    pub fn new(hash: [u8; 32]) -> Self {
        Self(Digest(hash))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

/// 32 bytes derived from a secret.
///
/// A comparison takes the same time wherever two digests differ, so that the time of an answer does
/// not tell how much of a guess was right.
#[derive(Clone, Copy)]
struct Digest([u8; 32]);

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

/// Redacted: with a tag and its key one can try every password.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// A resume token made by the host: 256 random bits as text, and their hash.
///
/// The text goes to the participant, in `joined` and `resumed`; the hash goes into the record.
#[derive(Clone)]
pub struct ResumeToken {
    text: Arc<str>,
    hash: TokenHash,
}

impl ResumeToken {
    /// Takes a fresh token. `hash` is the hash that the host computes when `text` is presented.
    pub fn new(text: impl Into<Arc<str>>, hash: TokenHash) -> Self {
        Self { text: text.into(), hash }
    }

    /// The hash, which the record holds.
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
