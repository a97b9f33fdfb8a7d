//! The two kinds of token: who a user is, and which seat a socket is for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use signal_core::{DisplayName, Grant, ParticipantId, RoomId, Ticket};
use thiserror::Error;

use crate::secret::Secret;

/// Why a token was refused; always the fault of whoever presents it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum TokenError {
    #[error("the token has expired")]
    Expired,
    #[error("the token is malformed, forged, or for something else")]
    Invalid,
}

/// The users of the deployment, who may create rooms: HS256 tokens with `sub` and `exp`.
#[derive(Clone)]
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// Somebody who is logged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    pub(crate) subject: String,
    /// The name to show, if the token has one that is fit to be shown.
    pub(crate) name: Option<DisplayName>,
}

#[derive(Deserialize, Serialize)]
struct AccessClaims {
    sub: String,
    /// Read by the library, which takes any number that RFC 7519 section 2 allows.
    #[serde(skip_deserializing)]
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl AccessTokens {
    pub(crate) fn new(secret: &Secret) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        // No audience is configured, so none is refused: logins that name one for others work here too.
        validation.validate_aud = false;
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            validation,
        }
    }

    pub(crate) fn mint(&self, subject: &str, name: Option<&str>, lifetime: Duration) -> String {
        let claims = AccessClaims {
            sub: subject.to_owned(),
            exp: unix_seconds() + lifetime.as_secs(),
            name: name.map(str::to_owned),
        };
        sign(&Header::default(), &claims, &self.encoding)
    }

    pub(crate) fn verify(&self, token: &str) -> Result<User, TokenError> {
        let claims: AccessClaims = verify(token, &self.decoding, &self.validation)?.claims;
        let name = claims.name.and_then(|name| DisplayName::parse(&name).ok().flatten());
        Ok(User { subject: claims.sub, name })
    }
}

/// Seats of this server: tokens that `join` and `create` answer with.
#[derive(Clone)]
pub(crate) struct WsTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// What a ws token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SeatGrant {
    pub(crate) room: RoomId,
    pub(crate) epoch: u64,
    pub(crate) grant: Grant,
    pub(crate) name: DisplayName,
}

#[derive(Deserialize, Serialize)]
struct WsClaims {
    exp: u64,
    room: String,
    /// As text, since JSON numbers are not exact beyond 2^53.
    epoch: String,
    /// The guest's id; absent for the creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<String>,
    password_epoch: u32,
    name: String,
}

impl WsTokens {
    /// For how long a ws token opens a socket.
    pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

    pub(crate) fn new(secret: &Secret) -> Self {
        let key = secret.derive("ws-token");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        Self {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
            validation,
        }
    }

    pub(crate) fn mint(&self, grant: &SeatGrant, expires: SystemTime) -> String {
        let guest = match grant.grant.ticket {
            Ticket::Creator => None,
            Ticket::Guest(id) => Some(id.to_string()),
        };
        let claims = WsClaims {
            exp: expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            room: grant.room.to_string(),
            epoch: grant.epoch.to_string(),
            guest,
            password_epoch: grant.grant.password_epoch,
            name: grant.name.to_string(),
        };
        let header = Header { typ: Some(WS_TYPE.to_owned()), ..Header::default() };
        sign(&header, &claims, &self.encoding)
    }

    pub(crate) fn verify(&self, token: &str) -> Result<SeatGrant, TokenError> {
        let TokenData { header, claims } = verify::<WsClaims>(token, &self.decoding, &self.validation)?;
        if header.typ.as_deref() != Some(WS_TYPE) {
            return Err(TokenError::Invalid);
        }
        let ticket = match claims.guest {
            None => Ticket::Creator,
            Some(guest) => Ticket::Guest(guest.parse::<ParticipantId>().map_err(|_| TokenError::Invalid)?),
        };
        Ok(SeatGrant {
            room: claims.room.parse().map_err(|_| TokenError::Invalid)?,
            epoch: claims.epoch.parse().map_err(|_| TokenError::Invalid)?,
            grant: Grant { ticket, password_epoch: claims.password_epoch },
            name: DisplayName::parse(&claims.name).ok().flatten().ok_or(TokenError::Invalid)?,
        })
    }
}

const WS_TYPE: &str = "ws+jwt";

fn sign<T: Serialize>(header: &Header, claims: &T, key: &EncodingKey) -> String {
    encode(header, claims, key).expect("an HMAC key signs whatever has a JSON form")
}

fn verify<T: DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    validation: &Validation,
) -> Result<TokenData<T>, TokenError> {
    decode(token, key, validation).map_err(|error| match error.kind() {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        _ => TokenError::Invalid,
    })
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn access() -> AccessTokens {
        AccessTokens::new(&Secret::new("login"))
    }

    fn access_token(claims: &Value) -> String {
        sign(&Header::default(), claims, &access().encoding)
    }

    fn ws() -> WsTokens {
        WsTokens::new(&Secret::new("server"))
    }

    fn seat() -> SeatGrant {
        let room = RoomId::from_indices([1; 6]);
        let grant = Grant { ticket: Ticket::Guest("p_abc12345".parse().unwrap()), password_epoch: 3 };
        SeatGrant { room, epoch: u64::MAX, grant, name: DisplayName::parse("小红").unwrap().unwrap() }
    }

    #[test]
    fn an_access_token_needs_a_subject_an_expiry_to_come_and_the_right_key() {
        let now = unix_seconds();
        let user = access().verify(&access_token(&json!({"sub": "alice", "exp": now + 60}))).unwrap();
        assert_eq!(user, User { subject: "alice".into(), name: None });
        for (claims, error) in [
            (json!({"exp": now + 60}), TokenError::Invalid),
            (json!({"sub": "alice"}), TokenError::Invalid),
            (json!({"sub": "alice", "exp": now - 120}), TokenError::Expired),
        ] {
            assert_eq!(access().verify(&access_token(&claims)), Err(error), "{claims}");
        }
        let foreign = AccessTokens::new(&Secret::new("another login"));
        let foreign = foreign.mint("alice", None, Duration::from_secs(60));
        assert_eq!(access().verify(&foreign), Err(TokenError::Invalid));
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OX0.";
        assert_eq!(access().verify(unsigned), Err(TokenError::Invalid));
    }

    #[test]
    fn an_expiry_may_have_a_fraction() {
        let expiring = |exp: f64| access().verify(&access_token(&json!({"sub": "alice", "exp": exp})));
        assert!(expiring(4_000_000_000.5).is_ok());
        assert_eq!(expiring(1_000_000_000.5), Err(TokenError::Expired));
    }

    #[test]
    fn an_audience_that_nobody_configured_is_not_looked_at() {
        let claims = json!({"sub": "alice", "exp": unix_seconds() + 60, "aud": "another-service"});
        assert!(access().verify(&access_token(&claims)).is_ok());
    }

    #[test]
    fn a_name_unfit_to_be_shown_does_not_void_the_token() {
        let claims = json!({"sub": "alice", "exp": unix_seconds() + 60, "name": "x".repeat(500)});
        assert_eq!(access().verify(&access_token(&claims)).unwrap().name, None);
    }

    #[test]
    fn a_ws_token_says_what_was_put_into_it_until_it_expires() {
        let now = SystemTime::now();
        assert_eq!(ws().verify(&ws().mint(&seat(), now + WsTokens::LIFETIME)), Ok(seat()));
        let late = ws().mint(&seat(), now - Duration::from_secs(1));
        assert_eq!(ws().verify(&late), Err(TokenError::Expired));
        let creator = Grant { ticket: Ticket::Creator, password_epoch: 0 };
        let creator = SeatGrant { grant: creator, ..seat() };
        assert_eq!(ws().verify(&ws().mint(&creator, now + WsTokens::LIFETIME)), Ok(creator));
    }

    #[test]
    fn a_token_of_another_type_is_no_ws_token_even_with_its_key() {
        let mut claims = json!({"exp": unix_seconds() + 60, "room": "222222", "epoch": "1"});
        claims["password_epoch"] = json!(0);
        claims["name"] = json!("x");
        let typed = |typ: &str| {
            let header = Header { typ: Some(typ.to_owned()), ..Header::default() };
            ws().verify(&sign(&header, &claims, &ws().encoding))
        };
        assert!(typed(WS_TYPE).is_ok());
        assert_eq!(typed("JWT"), Err(TokenError::Invalid));
    }
}
