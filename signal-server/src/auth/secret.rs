//! Secrets, and the keys that are derived from them.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

/// A secret text. `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// The number of characters below which a secret is weak.
    pub const STRONG_CHARS: usize = 32;

    /// Makes a secret from a text, without changing it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Makes a strong random secret.
    pub fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Whether it is too short to withstand guessing.
    pub fn is_weak(&self) -> bool {
        self.0.chars().count() < Self::STRONG_CHARS
    }

    #[cfg(feature = "cli")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Derives a key for one purpose (HKDF, RFC 5869). One key reveals nothing about the others.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, self.as_bytes())
            .expand(purpose.as_bytes(), &mut key)
            .expect("HKDF-SHA256 can produce 32 bytes");
        key
    }
}

/// Makes a secret from the contents of a file or an environment variable, without surrounding white
/// space and byte order marks, which editors may add.
impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.trim_matches(|ch: char| ch.is_whitespace() || ch == '\u{feff}'))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_and_its_keys_differ_by_purpose() {
        let secret = Secret::new("correct horse");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_ne!(secret.derive("a"), secret.derive("b"));
        assert!(secret.is_weak() && !Secret::random().is_weak());
        for text in ["correct horse\r\n", " correct horse\t ", "\u{feff}correct horse\u{feff}\n"] {
            assert_eq!(Secret::from(text), secret, "{text:?}");
        }
    }
}
