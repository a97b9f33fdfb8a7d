//! What a room keeps of its password.

use std::fmt;

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
