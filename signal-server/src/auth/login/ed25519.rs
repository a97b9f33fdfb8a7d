//! Verifies tokens that call their algorithm `Ed25519`, as RFC 9864 does.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, TokenData, Validation, crypto, decode};
use serde::de::DeserializeOwned;

use super::key::Key;
use crate::auth::secret::Secret;

/// The name that replaces `EdDSA`. `jsonwebtoken` does not know it.
pub(super) const NAME: &str = "Ed25519";

/// Verifies a token with this algorithm name. `validation` is for the claims; its algorithm is not
/// used.
pub(super) fn verify<T: DeserializeOwned>(
    token: &str,
    key: &Key,
    validation: &Validation,
) -> Result<TokenData<T>> {
    if key.algorithm != Algorithm::EdDSA {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    let (message, signature) =
        token.rsplit_once('.').ok_or_else(|| new_error(ErrorKind::InvalidToken))?;
    let (_, claims) = message.split_once('.').ok_or_else(|| new_error(ErrorKind::InvalidToken))?;
    if !crypto::verify(signature, message.as_bytes(), &key.decoding, key.algorithm)? {
        return Err(new_error(ErrorKind::InvalidSignature));
    }
    // The signature is right. The library verifies claims only together with a signature, so the
    // claims are signed again with a temporary secret and an algorithm that it knows.
    let secret = Secret::random();
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let message = format!("{header}.{claims}");
    let signing = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &signing, Algorithm::HS256)?;
    let validation = Validation { algorithms: vec![Algorithm::HS256], ..validation.clone() };
    let verifying = DecodingKey::from_secret(secret.as_bytes());
    decode(format!("{message}.{signature}"), &verifying, &validation)
}
