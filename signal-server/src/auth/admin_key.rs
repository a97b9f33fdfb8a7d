//! The key that operators manage rooms with.

use subtle::ConstantTimeEq;
use thiserror::Error;

use super::secret::Secret;

/// The key that operators manage rooms with over HTTP: at least 32 characters from `!` to `~`. A
/// request has it as `Authorization: Bearer` (RFC 6750 section 2.1).
#[derive(Clone, Debug)]
pub struct AdminKey(Secret);

/// The key is too short, or cannot be sent in a header.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected at least 32 characters from ! to ~, like the output of openssl rand -hex 32")]
pub struct InvalidAdminKey;

impl AdminKey {
    /// Takes a secret as the key.
    ///
    /// # Errors
    ///
    /// The secret has less than 32 characters, or others than those from `!` to `~`.
    pub fn new(secret: Secret) -> Result<Self, InvalidAdminKey> {
        let bytes = secret.as_bytes();
        let is_strong = bytes.len() >= Secret::STRONG_CHARS;
        if is_strong && bytes.iter().all(u8::is_ascii_graphic) {
            Ok(Self(secret))
        } else {
            Err(InvalidAdminKey)
        }
    }

    /// Whether this is the key. The time it takes depends on the length only.
    pub(crate) fn is(&self, given: &str) -> bool {
        self.as_str().as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The key itself, to send.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_and_can_be_sent() {
        let key = |text: &str| AdminKey::new(Secret::from(text));
        let long = "0123456789abcdef0123456789ABCDEF";
        assert!(key(&format!("{long}\n")).is_ok_and(|key| key.is(long)));
        assert!(!key(long).unwrap().is(&long.to_lowercase()));
        assert!(!key(long).unwrap().is(&long[..31]) && !key(long).unwrap().is(""));
        for text in [&long[..31], "0123456789abcdef 0123456789abcdef", &"é".repeat(32)] {
            assert_eq!(key(text).err(), Some(InvalidAdminKey), "{text}");
        }
        assert!(!format!("{:?}", key(long).unwrap()).contains(long));
    }
}
