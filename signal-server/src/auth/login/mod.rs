//! The login, whose access tokens the server accepts.

mod authenticate;
mod ed25519;
#[cfg(feature = "jwks")]
mod jwks;
mod key;
#[cfg(feature = "jwks")]
mod public_key;
mod signed;
mod token_refusal;

use std::time::Duration;

use self::authenticate::CustomLogin;
pub use self::authenticate::{Authenticate, LoginRequest, User};
#[cfg(feature = "jwks")]
pub use self::jwks::InvalidJwks;
#[cfg(feature = "jwks")]
use self::jwks::Jwks;
#[cfg(all(any(test, fuzzing), feature = "jwks"))]
pub(crate) use self::jwks::published_keys;
#[cfg(feature = "jwks")]
pub(crate) use self::key::Key;
#[cfg(feature = "jwks")]
pub use self::public_key::InvalidKey;
use self::signed::{Mismatch, Signed};
pub(crate) use self::token_refusal::TokenRefusal;
use crate::auth::secret::Secret;

/// The login of a deployment's users: how its access tokens are signed and which claims they need,
/// or [your own code](Self::custom) that verifies them.
///
/// A signed token is a JWT with the claims `sub` and `exp`, and optionally a `name` to show. The
/// key determines the algorithm: HS256 for a secret, and RS256, ES256 or EdDSA for a public key of
/// that kind. The header of the token has to name the same algorithm; EdDSA may also be called
/// Ed25519 (RFC 9864).
///
/// The log at level `debug` states why a token was refused, without the token.
#[derive(Clone, Debug)]
pub struct Login(Verifier);

#[derive(Clone, Debug)]
enum Verifier {
    Custom(CustomLogin),
    Signed(Signed),
}

impl Login {
    /// Accepts tokens that are signed with a shared secret (HS256). Tokens signed with `previous`
    /// are accepted too, while one secret replaces another.
    #[must_use]
    pub fn secret(secret: Secret, previous: Option<&Secret>) -> Self {
        Self(Verifier::Signed(Signed::secret(secret, previous)))
    }

    /// Accepts tokens that are signed with the private keys of these public keys. They are in PEM
    /// (`PUBLIC KEY`, RFC 7468 section 13): RSA of at least 2048 bits (RS256), P-256 (ES256) or
    /// Ed25519 (EdDSA). Give both keys while one replaces another.
    ///
    /// # Errors
    ///
    /// One of the texts is not such a key.
    #[cfg(feature = "jwks")]
    pub fn public_keys(
        pems: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, InvalidKey> {
        let keys =
            pems.into_iter().map(|pem| Key::public(pem.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self(Verifier::Signed(Signed::configured(keys))))
    }

    /// Accepts tokens that are signed with keys that an identity provider publishes (JWKS, RFC 7517
    /// section 5), for example at `https://login.example.com/.well-known/jwks.json`.
    ///
    /// The server fetches the keys when the first token arrives, and caches them. It fetches them
    /// again after 10 minutes. It also fetches them for a token that names an unknown key, at most
    /// once a second, and the token waits for that. While the provider fails, the server asks it
    /// once in 5 s, the cached keys remain in use for 24 hours, and a token that names an unknown
    /// key gets 503 `unavailable` and `Retry-After`.
    ///
    /// `ca` contains the certificate authorities to trust, in PEM, instead of Mozilla's.
    ///
    /// # Errors
    ///
    /// The URL is not `https:` (`http:` is allowed for addresses of this machine), it contains a
    /// user name or a password, or `ca` contains no certificate.
    #[cfg(feature = "jwks")]
    pub fn jwks(url: &str, ca: Option<&str>) -> Result<Self, InvalidJwks> {
        Ok(Self(Verifier::Signed(Signed::published(Jwks::new(url, ca)?))))
    }

    /// Lets your own code decide which user a request comes from, by a token of any form or by a
    /// cookie.
    #[must_use]
    pub fn custom(login: impl Authenticate) -> Self {
        Self(Verifier::Custom(CustomLogin::new(login)))
    }

    /// Requires the `iss` claim of signed tokens to equal `issuer`.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.expecting(|signed| signed.issuer = Some(issuer.into()))
    }

    /// Requires the `aud` claim of signed tokens to contain `audience`. Without this setting any
    /// audience is accepted.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.expecting(|signed| signed.audience = Some(audience.into()))
    }

    /// Limits the timeout of a custom login to half the time that a request may take.
    pub(crate) fn cap_timeout(mut self, request_patience: Duration) -> Self {
        match &mut self.0 {
            Verifier::Custom(login) => login.cap_timeout(request_patience),
            Verifier::Signed(_) => {}
        }
        self
    }

    fn expecting(mut self, expect: impl FnOnce(&mut Signed)) -> Self {
        match &mut self.0 {
            Verifier::Custom(_) => {}
            Verifier::Signed(signed) => expect(signed),
        }
        self
    }

    /// Makes a token as the login would. Returns `None` if the server has no key to sign it with.
    pub(crate) fn mint(
        &self,
        subject: &str,
        name: Option<&str>,
        lifetime: Duration,
    ) -> Option<String> {
        match &self.0 {
            Verifier::Custom(_) => None,
            Verifier::Signed(signed) => signed.mint(subject, name, lifetime),
        }
    }

    /// Whether it may know a user without a token.
    pub(crate) fn sees_requests(&self) -> bool {
        match &self.0 {
            Verifier::Custom(_) => true,
            Verifier::Signed(_) => false,
        }
    }

    /// Returns the user that a request comes from.
    pub(crate) async fn user(&self, request: LoginRequest<'_>) -> Result<User, TokenRefusal> {
        let token = request.token.unwrap_or_default();
        let verified = match &self.0 {
            Verifier::Custom(login) => login.user(request).await.map_err(TokenRefusal::from),
            Verifier::Signed(signed) => signed.verify(token).await,
        };
        // Users with an empty subject would share one another's rooms.
        let verified = verified.and_then(|user| match user.subject.as_str() {
            "" => Err(TokenRefusal::Claims),
            _ => Ok(user),
        });
        verified.inspect_err(|refusal| self.log(*refusal, token))
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) async fn verify(&self, token: &str) -> Result<User, TokenRefusal> {
        let (headers, uri) = (&Default::default(), &Default::default());
        self.user(LoginRequest { token: Some(token), headers, uri, address: None }).await
    }

    /// Logs why a token was refused, without data that could be used to replay or trace it.
    fn log(&self, refusal: TokenRefusal, token: &str) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let reason = refusal.as_str();
        match &self.0 {
            Verifier::Signed(signed) => match signed.mismatch(refusal, token) {
                Some(Mismatch { claim, expected, found }) => tracing::debug!(
                    reason,
                    claim,
                    ?expected,
                    ?found,
                    "refused an access token: the claim has to be exactly what is configured"
                ),
                None => tracing::debug!(reason, "refused an access token"),
            },
            Verifier::Custom(_) => tracing::debug!(reason, "refused an access token"),
        }
    }
}

/// Accepts tokens that are signed with one shared secret.
impl From<Secret> for Login {
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

    fn login() -> Login {
        Login::from(Secret::new(LOGIN))
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
        assert_eq!(user, User::new("alice"));
        for (claims, error) in [
            (json!({"exp": now + 60}), TokenRefusal::Claims),
            (json!({"sub": 7, "exp": now + 60}), TokenRefusal::Claims),
            (json!({"sub": "alice"}), TokenRefusal::Claims),
            (json!({"sub": "", "exp": now + 60}), TokenRefusal::Claims),
            (json!({"sub": "alice", "exp": now - 120}), TokenRefusal::Expired),
            (
                json!({"sub": "alice", "exp": now + 600, "nbf": now + 300}),
                TokenRefusal::NotYetValid,
            ),
        ] {
            assert_eq!(login().verify(&token(&claims)).await, Err(error), "{claims}");
        }
        let foreign = Login::from(Secret::new("another login"));
        let foreign = foreign.mint("alice", None, Duration::from_secs(60)).unwrap();
        assert_eq!(login().verify(&foreign).await, Err(TokenRefusal::Signature));
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OX0.";
        assert_eq!(login().verify(unsigned).await, Err(TokenRefusal::Algorithm));
        for text in ["", "secret", "a.b.c", "..", "e30.e30."] {
            assert_eq!(login().verify(text).await, Err(TokenRefusal::Malformed), "{text}");
        }
    }

    #[tokio::test]
    async fn a_token_of_another_algorithm_or_with_a_critical_extension_is_refused() {
        let claims = json!({"sub": "alice", "exp": unix_seconds() + 60});
        let critical = Header { crit: Some(vec!["b64".to_owned()]), ..Header::default() };
        for (header, error) in [
            (Header::new(Algorithm::HS384), TokenRefusal::Algorithm),
            (critical, TokenRefusal::Malformed),
        ] {
            let refused = login().verify(&token_with(&header, &claims)).await;
            assert_eq!(refused, Err(error), "{header:?}");
        }
        // A key id in the token is ignored if the key has none.
        let named = Header { kid: Some("2026".to_owned()), ..Header::default() };
        assert!(login().verify(&token_with(&named, &claims)).await.is_ok());
    }

    #[tokio::test]
    async fn an_expiry_may_have_a_fraction() {
        let expiring =
            async |exp: f64| login().verify(&token(&json!({"sub": "alice", "exp": exp}))).await;
        assert!(expiring(4_000_000_000.5).await.is_ok());
        assert_eq!(expiring(1_000_000_000.5).await, Err(TokenRefusal::Expired));
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
        for (more, refusal) in [
            (json!({"iss": issuer, "aud": "rooms"}), None),
            (json!({"iss": issuer, "aud": ["mail", "rooms"]}), None),
            (json!({"iss": issuer, "aud": "mail"}), Some(TokenRefusal::Audience)),
            (json!({"iss": issuer}), Some(TokenRefusal::Audience)),
            (
                json!({"iss": "https://login.example.com", "aud": "rooms"}),
                Some(TokenRefusal::Issuer),
            ),
            (json!({"aud": "rooms"}), Some(TokenRefusal::Issuer)),
        ] {
            assert_eq!(strict.verify(&claims(more.clone())).await.err(), refusal, "{more}");
            assert!(login().verify(&claims(more.clone())).await.is_ok(), "{more}");
        }
        let minted = strict.mint("alice", None, Duration::from_secs(60)).unwrap();
        assert!(strict.verify(&minted).await.is_ok());
    }

    #[tokio::test]
    async fn a_secret_that_is_being_replaced_is_good_still_and_none_before_it() {
        let old = login().mint("alice", None, Duration::from_secs(60)).unwrap();
        let rotating = Login::secret(Secret::new("newer"), Some(&Secret::new(LOGIN)));
        assert!(rotating.verify(&old).await.is_ok());
        let new = rotating.mint("alice", None, Duration::from_secs(60)).unwrap();
        assert!(rotating.verify(&new).await.is_ok() && login().verify(&new).await.is_err());
        let rotated = Login::secret(Secret::new("newest"), Some(&Secret::new("newer")));
        assert!(rotated.verify(&old).await.is_err());
        let expired = token(&json!({"sub": "alice", "exp": 1_000_000_000}));
        assert_eq!(rotating.verify(&expired).await, Err(TokenRefusal::Expired));
    }

    #[tokio::test]
    async fn a_name_unfit_to_be_shown_does_not_void_the_token() {
        let exp = unix_seconds() + 60;
        let long = Value::from("x".repeat(500));
        for name in [long, json!(42), json!({"first": "Alice"}), json!(["Alice"]), json!(null)] {
            let claims = json!({"sub": "alice", "exp": exp, "name": name});
            let user = login().verify(&token(&claims)).await;
            assert_eq!(user.map(|user| user.name), Ok(None), "{name}");
        }
        // Half an emoji, as JavaScript's `slice` leaves it.
        let claims = format!(r#"{{"sub":"alice","exp":{exp},"name":"Tom\ud83d","x":"\ud83d"}}"#);
        let claims: Box<serde_json::value::RawValue> = serde_json::from_str(&claims).unwrap();
        let key = EncodingKey::from_secret(LOGIN.as_bytes());
        let token = encode(&Header::default(), &claims, &key).unwrap();
        assert_eq!(login().verify(&token).await.map(|user| user.name), Ok(None));
    }

    #[tokio::test]
    async fn the_log_says_which_claim_of_a_token_is_not_what_is_configured() {
        let strict = login().issuer("https://login.example");
        let claims =
            json!({"sub": "alice", "exp": 4_000_000_000_u64, "iss": "https://login.example/"});
        let token = token(&claims);
        let Verifier::Signed(signed) = &strict.0 else { panic!("a secret signs tokens") };
        let refusal = strict.verify(&token).await.unwrap_err();
        let Mismatch { claim, expected, found } = signed.mismatch(refusal, &token).unwrap();
        assert_eq!((claim, expected), ("iss", "https://login.example"));
        assert_eq!(found, "\"https://login.example/\"");
        assert!(signed.mismatch(TokenRefusal::Expired, &token).is_none());
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!(
            "{:?}",
            Login::secret(Secret::new("newer-secret"), Some(&Secret::new("older-secret")))
        );
        assert!(!shown.contains("-secret"), "{shown}");
    }
}
