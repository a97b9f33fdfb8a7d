//! Verifies signed access tokens: JWTs (RFC 7519).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, EncodingKey, Header, TokenData, Validation, decode, encode, errors};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::authenticate::User;
use super::ed25519;
#[cfg(feature = "jwks")]
use super::jwks::Jwks;
use super::key::Key;
use super::token_refusal::TokenRefusal;
use crate::auth::jwt_crypto;
use crate::auth::secret::Secret;
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

/// The fields of a token's header that are checked (RFC 7515 section 4.1).
#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

/// The claims of a token. The library reads the registered claims itself.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// It is only displayed, so an unusable name does not make the token invalid.
    name: Option<Box<RawValue>>,
}

/// A claim that is not what is configured.
pub(super) struct Mismatch<'a> {
    pub(super) claim: &'static str,
    pub(super) expected: &'a str,
    /// As JSON.
    pub(super) found: String,
}

#[derive(Serialize)]
struct MintedClaims<'a> {
    sub: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
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
        let claims = MintedClaims { sub: subject, exp: unix_seconds() + lifetime.as_secs(), name };
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
    pub(crate) async fn verify(&self, token: &str) -> Result<User, TokenRefusal> {
        let header = header(token).ok_or(TokenRefusal::Malformed)?;
        // Critical extensions have to be understood (RFC 7515 section 4.1.11). This server supports
        // none.
        if header.crit.is_some() {
            return Err(TokenRefusal::Malformed);
        }
        let kid = header.kid.as_deref();
        let keys = match &self.keys {
            Keys::Configured(keys) => Arc::clone(keys),
            #[cfg(feature = "jwks")]
            Keys::Published(jwks) => jwks.keys(kid).await.ok_or(TokenRefusal::KeysUnavailable)?,
        };
        let mut refusal = TokenRefusal::UnknownKey;
        for key in keys.iter().filter(|key| key.may_be(kid)) {
            match self.verify_with(key, &header, token) {
                Ok(TokenData { claims: Claims { sub, name }, .. }) => {
                    let user = User::new(sub);
                    let name =
                        name.and_then(|name| serde_json::from_str::<String>(name.get()).ok());
                    return Ok(match name {
                        Some(name) => user.named(&name),
                        None => user,
                    });
                }
                Err(error) => refusal = refusal.max(error.kind().into()),
            }
        }
        Err(refusal)
    }

    fn verify_with(
        &self,
        key: &Key,
        header: &TokenHeader,
        token: &str,
    ) -> errors::Result<TokenData<Claims>> {
        let validation = self.validation(key.algorithm);
        if header.alg == ed25519::NAME {
            return ed25519::verify(token, key, &validation);
        }
        // The key determines the algorithm, and a token that names any other, known or not, is
        // refused.
        if header.alg.parse() != Ok(key.algorithm) {
            return Err(errors::new_error(ErrorKind::InvalidAlgorithm));
        }
        decode(token, &key.decoding, &validation)
    }

    /// The value of the claim for which a token was refused, and the configured value.
    pub(super) fn mismatch(&self, refusal: TokenRefusal, token: &str) -> Option<Mismatch<'_>> {
        let (claim, expected) = match refusal {
            TokenRefusal::Issuer => ("iss", self.issuer.as_deref()?),
            TokenRefusal::Audience => ("aud", self.audience.as_deref()?),
            _ => return None,
        };
        let claims = token.split('.').nth(1)?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let mut found = claims.get(claim).map_or_else(|| "nothing".to_owned(), Value::to_string);
        found.truncate(found.floor_char_boundary(LONGEST_SHOWN));
        Some(Mismatch { claim, expected, found })
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

fn header(token: &str) -> Option<TokenHeader> {
    let (header, _) = token.split_once('.')?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

/// How much of a claim the log shows.
const LONGEST_SHOWN: usize = 200;
