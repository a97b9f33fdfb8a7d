//! Verifies signed access tokens: JWTs (RFC 7519).

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::authenticate::User;
#[cfg(feature = "jwks")]
use super::jwks::Jwks;
use super::key::Key;
use crate::auth::jwt_crypto;
use crate::auth::secret::Secret;
use crate::auth::token_error::TokenError;
use crate::clock::unix_seconds;

/// The keys of signed tokens, and the claims that they need.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    keys: Keys,
    /// The secret that tokens are made with, if the login is a shared secret.
    minting: Option<Secret>,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
}

#[derive(Clone, Debug)]
enum Keys {
    Configured(Arc<[Key]>),
    #[cfg(feature = "jwks")]
    Published(Arc<Jwks>),
}

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    /// The library reads this claim itself, and accepts any number that RFC 7519 section 2 allows.
    #[serde(skip_deserializing)]
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Signed {
    pub(crate) fn secret(secret: Secret, previous: Option<&Secret>) -> Self {
        let keys = [Some(&secret), previous].into_iter().flatten().map(Key::secret).collect();
        Self { minting: Some(secret), ..Self::configured(keys) }
    }

    pub(crate) fn configured(keys: Arc<[Key]>) -> Self {
        Self::of(Keys::Configured(keys))
    }

    #[cfg(feature = "jwks")]
    pub(crate) fn published(jwks: Jwks) -> Self {
        Self::of(Keys::Published(Arc::new(jwks)))
    }

    fn of(keys: Keys) -> Self {
        jwt_crypto::install();
        Self { keys, minting: None, issuer: None, audience: None }
    }

    /// Makes a token as the login would. Returns `None` if the server has no key to sign it with.
    pub(crate) fn mint(
        &self,
        subject: &str,
        name: Option<&str>,
        lifetime: Duration,
    ) -> Option<String> {
        let claims = Claims {
            sub: subject.to_owned(),
            exp: unix_seconds() + lifetime.as_secs(),
            name: name.map(str::to_owned),
        };
        let mut claims =
            serde_json::to_value(claims).expect("strings and numbers serialize to JSON");
        for (name, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value {
                claims[name] = value.as_str().into();
            }
        }
        let key = EncodingKey::from_secret(self.minting.as_ref()?.as_bytes());
        Some(
            encode(&Header::default(), &claims, &key)
                .expect("an HMAC key signs any claims that serialize to JSON"),
        )
    }

    /// Verifies a token and returns the user that it is for.
    pub(crate) async fn verify(&self, token: &str) -> Result<User, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Critical extensions have to be understood (RFC 7515 section 4.1.11). This server supports
        // none.
        if header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let kid = header.kid.as_deref();
        let keys = match &self.keys {
            Keys::Configured(keys) => Arc::clone(keys),
            #[cfg(feature = "jwks")]
            Keys::Published(jwks) => jwks.keys(kid).await?,
        };
        let mut refusal = TokenError::Invalid;
        for key in keys.iter().filter(|key| key.may_be(kid)) {
            match decode::<Claims>(token, &key.decoding, &self.validation(key.algorithm)) {
                Ok(token) => {
                    let Claims { sub, name, .. } = token.claims;
                    let user = User::new(sub);
                    return Ok(match name {
                        Some(name) => user.named(&name),
                        None => user,
                    });
                }
                Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                    refusal = TokenError::Expired;
                }
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_nbf = true;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &self.issuer {
            required.push("iss");
            validation.set_issuer(&[issuer]);
        }
        match &self.audience {
            Some(audience) => {
                required.push("aud");
                validation.set_audience(&[audience]);
            }
            // Without a configured audience any audience is accepted.
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}
