//! Signs what is sent (Standard Webhooks, "Symmetric").

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::auth::secret::Secret;

/// A key that the receiver knows too.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Reads a key: `whsec_` and 24 to 64 bytes in base64. Returns `None` if it is not one.
    pub(super) fn new(secret: &Secret) -> Option<Self> {
        let encoded = secret.as_bytes().strip_prefix(b"whsec_")?;
        let key = STANDARD.decode(encoded).ok().filter(|key| (24..=64).contains(&key.len()))?;
        Some(Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length")))
    }

    /// Returns the signature of an event that is sent at this time, in seconds since 1970.
    pub(super) fn sign(&self, id: &str, at: u64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn a_signature_is_the_one_that_receivers_expect() {
        let key = SigningKey::new(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signature =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
    }

    #[test]
    fn a_key_is_long_enough_and_has_its_prefix() {
        let encoded = |bytes: usize| STANDARD.encode(vec![7; bytes]);
        for (secret, is_key) in [
            (format!("whsec_{}", encoded(24)), true),
            (format!("whsec_{}", encoded(64)), true),
            (format!("whsec_{}", encoded(23)), false),
            (format!("whsec_{}", encoded(65)), false),
            (encoded(32), false),
            ("whsec_not base64, but long enough to be one".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(SigningKey::new(&Secret::new(&*secret)).is_some(), is_key, "{secret}");
        }
    }
}
