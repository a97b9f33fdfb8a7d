//! The two kinds of token: who a user is, and which seat a socket is for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
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
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl AccessTokens {
    pub(crate) fn new(secret: &Secret) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
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
        let claims: AccessClaims = verify(token, &self.decoding, &self.validation)?;
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
        let claims: WsClaims = verify(token, &self.decoding, &self.validation)?;
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
) -> Result<T, TokenError> {
    decode(token, key, validation).map(|data| data.claims).map_err(|error| match error.kind() {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        _ => TokenError::Invalid,
    })
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
