//! Public keys of a login.

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use thiserror::Error;

use super::key::Key;

/// Why a PEM text is not a key that can verify tokens.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// It is a private key, which only the login should have.
    #[error("it is a private key; give the public key that belongs to it (openssl pkey -pubout)")]
    Private,
    /// It is an RSA key that is too short to be secure.
    #[error("it is an RSA key of less than 2048 bits; use a longer one")]
    Short,
    /// It is not a public key, or not one of a supported kind.
    #[error("expected a PUBLIC KEY in PEM: RSA, P-256 or Ed25519")]
    Unknown,
}

impl Key {
    pub(crate) fn public(pem: &str) -> Result<Self, InvalidKey> {
        if pem.contains("PRIVATE KEY-----") {
            return Err(InvalidKey::Private);
        }
        if !pem.contains("PUBLIC KEY-----") {
            return Err(InvalidKey::Unknown);
        }
        let pem = pem.as_bytes();
        let decoding = DecodingKey::from_rsa_pem(pem)
            .or_else(|_| DecodingKey::from_ec_pem(pem))
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .map_err(|_| InvalidKey::Unknown)?;
        let jwk = Jwk::from_decoding_key(&decoding, None).map_err(|_| InvalidKey::Unknown)?;
        let algorithm = algorithm(&jwk)?;
        Ok(Self { id: None, algorithm, decoding })
    }

    /// Converts a published key. Returns `None` if it does not verify tokens.
    pub(crate) fn published(jwk: &Jwk) -> Option<Self> {
        let algorithm = algorithm(jwk).ok()?;
        let common = &jwk.common;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let verifies = common
            .key_operations
            .as_ref()
            .is_none_or(|known| known.contains(&KeyOperations::Verify));
        let agrees =
            common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
        if !signs || !verifies || !agrees {
            return None;
        }
        let decoding = DecodingKey::from_jwk(jwk).ok()?;
        // The library accepts keys of any length, and cannot handle short ones.
        if let (Algorithm::EdDSA, Ok(key)) = (algorithm, decoding.try_get_as_bytes())
            && key.len() != 32
        {
            return None;
        }
        Some(Self { id: common.key_id.clone(), algorithm, decoding })
    }
}

/// The algorithm for a public key of this kind.
fn algorithm(jwk: &Jwk) -> Result<Algorithm, InvalidKey> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(key) if key.n.len() < RSA_2048_CHARS => Err(InvalidKey::Short),
        AlgorithmParameters::RSA(_) => Ok(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Ok(Algorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Ok(Algorithm::EdDSA)
        }
        _ => Err(InvalidKey::Unknown),
    }
}

/// The length of 2048 bits in base64url without padding.
const RSA_2048_CHARS: usize = 342;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn published(jwk: Value) -> Option<Algorithm> {
        Key::published(&serde_json::from_value(jwk).unwrap()).map(|key| key.algorithm)
    }

    #[test]
    fn a_published_key_is_for_the_one_algorithm_of_its_kind_or_not_taken() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let ed = |more: Value| {
            let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            published(key)
        };
        for more in
            [json!({}), json!({"use": "sig", "alg": "EdDSA"}), json!({"key_ops": ["verify"]})]
        {
            assert_eq!(ed(more.clone()), Some(Algorithm::EdDSA), "{more}");
        }
        for more in [
            json!({"use": "enc"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS256"}),
            json!({"key_ops": ["encrypt"]}),
            json!({"x": "AAAA"}),
        ] {
            assert_eq!(ed(more.clone()), None, "{more}");
        }
        let rsa = |bits: usize| {
            let n = "z".repeat(bits / 6) + "w";
            json!({"kty": "RSA", "e": "AQAB", "n": n})
        };
        assert_eq!(published(rsa(2048)), Some(Algorithm::RS256));
        assert_eq!(published(rsa(1024)), None);
        // A shared secret must not be published.
        assert_eq!(published(json!({"kty": "oct", "k": "c2VjcmV0"})), None);
        assert_eq!(published(json!({"kty": "EC", "crv": "P-384", "x": x, "y": x})), None);
    }

    #[test]
    fn what_is_no_public_key_is_told_apart() {
        assert_eq!(
            Key::public("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----")
                .unwrap_err(),
            InvalidKey::Private
        );
        for text in ["", "secret", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
            assert_eq!(Key::public(text).unwrap_err(), InvalidKey::Unknown, "{text}");
        }
    }
}
