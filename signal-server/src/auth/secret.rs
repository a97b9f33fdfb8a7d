//! Secrets, and the keys that are derived from them.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

/// A secret text, shown nowhere.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Fewer characters than this count as weak.
    pub const STRONG_CHARS: usize = 32;

    /// Takes a secret as it was configured.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Draws a strong secret, for as long as this process lives.
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

    /// A key for one purpose only (HKDF, RFC 5869): whoever learns it learns nothing of the other keys.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, self.as_bytes())
            .expand(purpose.as_bytes(), &mut key)
            .expect("32 bytes are within what HKDF-SHA256 gives");
        key
    }
}

/// Takes a secret from a file or an environment variable: a line break at its end is not part of it.
impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.trim_end_matches(['\r', '\n']))
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
        assert_eq!(Secret::from("correct horse\r\n"), secret);
    }
}
