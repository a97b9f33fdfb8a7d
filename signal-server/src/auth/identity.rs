//! Whose access tokens are believed.

mod authenticate;
mod jwks;
mod key;
mod signed;

use std::time::Duration;

use self::authenticate::Login;
pub use self::authenticate::{Authenticate, User};
pub use self::jwks::InvalidJwks;
use self::jwks::Jwks;
#[cfg(any(test, fuzzing))]
pub(crate) use self::jwks::{published_keys, roots};
pub use self::key::InvalidKey;
pub(crate) use self::key::Key;
use self::signed::Signed;
use crate::auth::secret::Secret;
use crate::auth::token_error::TokenError;

/// The login that a deployment's users come from: what its access tokens are signed with and what they have to say, or
/// [code of one's own](Self::custom) that decides about them.
///
/// A signed token is a JWT with `sub` and `exp`, and a `name` to show if it has one. The algorithm belongs to the key:
/// HS256 to a secret, RS256, ES256 or EdDSA to a public key of that kind. What the token says of it only has to agree.
#[derive(Clone, Debug)]
pub struct Identity(Judge);

#[derive(Clone, Debug)]
enum Judge {
    Custom(Login),
    Signed(Signed),
}

impl Identity {
    /// Tokens that are signed with a shared secret (HS256), and still with `previous` while that is being replaced.
    #[must_use]
    pub fn secret(secret: Secret, previous: Option<&Secret>) -> Self {
        Self(Judge::Signed(Signed::secret(secret, previous)))
    }

    /// Tokens that are signed with the private halves of these keys, in PEM (`PUBLIC KEY`, RFC 7468 section 13): RSA from
    /// 2048 bits on (RS256), P-256 (ES256) or Ed25519 (EdDSA). While one replaces another, give both.
    ///
    /// # Errors
    ///
    /// One of them is not such a key.
    pub fn public_keys(
        pems: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, InvalidKey> {
        let keys =
            pems.into_iter().map(|pem| Key::public(pem.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self(Judge::Signed(Signed::configured(keys))))
    }

    /// Tokens that are signed with keys which an identity provider publishes (JWKS, RFC 7517 section 5), like
    /// `https://login.example.com/.well-known/jwks.json`.
    ///
    /// The keys are fetched when the first token comes, and kept: they are fetched again after 10 minutes, and at once
    /// for a token of a key that is not among them, though once a minute at most. While the provider is out of reach
    /// those there are serve for 24 hours.
    ///
    /// `ca` are the certificate authorities to trust, in PEM, in place of those that Mozilla does.
    ///
    /// # Errors
    ///
    /// The URL is not `https:` (plain `http:` is taken for an address of this machine), it has a user name or a password,
    /// or `ca` has no certificate.
    pub fn jwks(url: &str, ca: Option<&str>) -> Result<Self, InvalidJwks> {
        Ok(Self(Judge::Signed(Signed::published(Jwks::new(url, ca)?))))
    }

    /// Tokens that code of one's own decides about. They may have any form that a header or a URL can carry.
    #[must_use]
    pub fn custom(login: impl Authenticate) -> Self {
        Self(Judge::Custom(Login::new(login)))
    }

    /// The one whose signed tokens are meant: `iss` has to say so.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.expecting(|signed| signed.issuer = Some(issuer.into()))
    }

    /// For whom signed tokens are: `aud` has to have it. Without this setting it is not looked at.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.expecting(|signed| signed.audience = Some(audience.into()))
    }

    /// For a server whose requests may take so long.
    pub(crate) fn in_time(mut self, request_patience: Duration) -> Self {
        match &mut self.0 {
            Judge::Custom(login) => login.hurry(request_patience),
            Judge::Signed(_) => {}
        }
        self
    }

    fn expecting(mut self, expect: impl FnOnce(&mut Signed)) -> Self {
        match &mut self.0 {
            Judge::Custom(_) => {}
            Judge::Signed(signed) => expect(signed),
        }
        self
    }

    /// Makes a token, as the login would; `None` where only it can.
    pub(crate) fn mint(
        &self,
        subject: &str,
        name: Option<&str>,
        lifetime: Duration,
    ) -> Option<String> {
        match &self.0 {
            Judge::Custom(_) => None,
            Judge::Signed(signed) => signed.mint(subject, name, lifetime),
        }
    }

    /// Who a token is for.
    pub(crate) async fn verify(&self, token: &str) -> Result<User, TokenError> {
        let user = match &self.0 {
            Judge::Custom(login) => login.user(token).await,
            Judge::Signed(signed) => signed.verify(token).await,
        }?;
        // Whoever has no name for the login would share the rooms of all others without one.
        if user.subject.is_empty() { Err(TokenError::Invalid) } else { Ok(user) }
    }
}

/// One secret, as most logins start with.
impl From<Secret> for Identity {
    fn from(secret: Secret) -> Self {
        Self::secret(secret, None)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::unix_seconds;

    const LOGIN: &str = "login";

    fn login() -> Identity {
        Identity::from(Secret::new(LOGIN))
    }

    fn token(claims: &Value) -> String {
        token_with(&Header::default(), claims)
    }

    fn token_with(header: &Header, claims: &Value) -> String {
        encode(header, claims, &EncodingKey::from_secret(LOGIN.as_bytes())).unwrap()
    }

    #[tokio::test]
    async fn a_token_needs_a_subject_an_expiry_to_come_and_the_right_key() {
        let now = unix_seconds();
        let user = login().verify(&token(&json!({"sub": "alice", "exp": now + 60}))).await.unwrap();
        assert_eq!(user, User { subject: "alice".into(), name: None });
        for (claims, error) in [
            (json!({"exp": now + 60}), TokenError::Invalid),
            (json!({"sub": "alice"}), TokenError::Invalid),
            (json!({"sub": "", "exp": now + 60}), TokenError::Invalid),
            (json!({"sub": "alice", "exp": now - 120}), TokenError::Expired),
            (json!({"sub": "alice", "exp": now + 600, "nbf": now + 300}), TokenError::Invalid),
        ] {
            assert_eq!(login().verify(&token(&claims)).await, Err(error), "{claims}");
        }
        let foreign = Identity::from(Secret::new("another login"));
        let foreign = foreign.mint("alice", None, Duration::from_secs(60)).unwrap();
        assert_eq!(login().verify(&foreign).await, Err(TokenError::Invalid));
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OX0.";
        assert_eq!(login().verify(unsigned).await, Err(TokenError::Invalid));
    }

    #[tokio::test]
    async fn a_token_of_another_algorithm_or_with_a_critical_extension_is_refused() {
        let claims = json!({"sub": "alice", "exp": unix_seconds() + 60});
        for header in [
            Header::new(Algorithm::HS384),
            Header { crit: Some(vec!["b64".to_owned()]), ..Header::default() },
        ] {
            let refused = login().verify(&token_with(&header, &claims)).await;
            assert_eq!(refused, Err(TokenError::Invalid), "{header:?}");
        }
        // A name for the key is no matter where keys have none.
        let named = Header { kid: Some("2026".to_owned()), ..Header::default() };
        assert!(login().verify(&token_with(&named, &claims)).await.is_ok());
    }

    #[tokio::test]
    async fn an_expiry_may_have_a_fraction() {
        let expiring =
            async |exp: f64| login().verify(&token(&json!({"sub": "alice", "exp": exp}))).await;
        assert!(expiring(4_000_000_000.5).await.is_ok());
        assert_eq!(expiring(1_000_000_000.5).await, Err(TokenError::Expired));
    }

    #[tokio::test]
    async fn issuer_and_audience_count_when_they_are_configured() {
        let claims = |more: Value| {
            let mut claims = json!({"sub": "alice", "exp": unix_seconds() + 60});
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            token(&claims)
        };
        let strict = login().issuer("https://login.example.com/").audience("rooms");
        let issuer = "https://login.example.com/";
        for (more, is_taken) in [
            (json!({"iss": issuer, "aud": "rooms"}), true),
            (json!({"iss": issuer, "aud": ["mail", "rooms"]}), true),
            (json!({"iss": issuer, "aud": "mail"}), false),
            (json!({"iss": issuer}), false),
            (json!({"iss": "https://elsewhere.example.com/", "aud": "rooms"}), false),
            (json!({"aud": "rooms"}), false),
        ] {
            assert_eq!(strict.verify(&claims(more.clone())).await.is_ok(), is_taken, "{more}");
            assert!(login().verify(&claims(more.clone())).await.is_ok(), "{more}");
        }
        let minted = strict.mint("alice", None, Duration::from_secs(60)).unwrap();
        assert!(strict.verify(&minted).await.is_ok());
    }

    #[tokio::test]
    async fn a_secret_that_is_being_replaced_is_good_still_and_none_before_it() {
        let old = login().mint("alice", None, Duration::from_secs(60)).unwrap();
        let rotating = Identity::secret(Secret::new("newer"), Some(&Secret::new(LOGIN)));
        assert!(rotating.verify(&old).await.is_ok());
        let new = rotating.mint("alice", None, Duration::from_secs(60)).unwrap();
        assert!(rotating.verify(&new).await.is_ok() && login().verify(&new).await.is_err());
        let rotated = Identity::secret(Secret::new("newest"), Some(&Secret::new("newer")));
        assert!(rotated.verify(&old).await.is_err());
        let expired = token(&json!({"sub": "alice", "exp": 1_000_000_000}));
        assert_eq!(rotating.verify(&expired).await, Err(TokenError::Expired));
    }

    #[tokio::test]
    async fn a_name_unfit_to_be_shown_does_not_void_the_token() {
        let claims = json!({"sub": "alice", "exp": unix_seconds() + 60, "name": "x".repeat(500)});
        assert_eq!(login().verify(&token(&claims)).await.unwrap().name, None);
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!(
            "{:?}",
            Identity::secret(Secret::new("newer-secret"), Some(&Secret::new("older-secret")))
        );
        assert!(!shown.contains("-secret"), "{shown}");
    }
}
