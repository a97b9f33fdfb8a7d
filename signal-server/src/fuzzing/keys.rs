//! Keys that a login publishes, or that an operator names.

use jsonwebtoken::{Algorithm, Validation, decode};
use serde_json::Value;

use crate::auth::login::{Key, published_keys};
use crate::auth::tls::roots;

/// A key set, a public key or a certificate.
pub fn keys(data: &[u8]) {
    match published_keys(data) {
        Ok(keys) => {
            assert!(!keys.is_empty(), "a set without keys is refused");
            keys.iter().for_each(judges);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Key::public(text) {
        Ok(key) => {
            assert!(
                text.contains("PUBLIC KEY-----") && !text.contains("PRIVATE KEY-----"),
                "{text}"
            );
            judges(&key);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match roots(Some(text)) {
        Ok(roots) => assert!(!roots.is_empty(), "nobody is trusted"),
        Err(error) => assert!(!error.is_empty()),
    }
}

/// A key is for signatures that only its owner can make, and refuses others whatever it is made of.
fn judges(key: &Key) {
    assert!(
        matches!(key.algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA),
        "{key:?}"
    );
    for (algorithm, header) in [
        ("RS256", "eyJhbGciOiJSUzI1NiJ9"),
        ("ES256", "eyJhbGciOiJFUzI1NiJ9"),
        ("EdDSA", "eyJhbGciOiJFZERTQSJ9"),
    ] {
        for signature in ["", "AAAA", &"A".repeat(86), &"x".repeat(342)] {
            let token = format!("{header}.eyJzdWIiOiJhbGljZSIsImV4cCI6NDAwMDAwMDAwMH0.{signature}");
            let judged = decode::<Value>(&token, &key.decoding, &Validation::new(key.algorithm));
            assert!(judged.is_err(), "{algorithm} {key:?}");
        }
    }
}
