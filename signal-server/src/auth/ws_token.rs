//! The server's own tokens, each of which grants a seat.

use std::collections::BTreeMap;
use std::ops::Not;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation, decode, encode,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use signal_core::identity::{Attributes, Identity};
use signal_core::room::{Grant, Room, Ticket, TicketTag};
use signal_core::{DisplayName, ParticipantId, RoomId};

use super::jwt_crypto;
use super::secret::Secret;
use super::token_error::TokenError;
use crate::permissions::PermissionsJson;

/// Makes and verifies the ws tokens that `join` and `create` return.
#[derive(Clone)]
pub(crate) struct WsTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// The contents of a ws token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SeatGrant {
    pub(crate) room: RoomId,
    pub(crate) epoch: u64,
    pub(crate) grant: Grant,
    pub(crate) name: DisplayName,
}

impl SeatGrant {
    /// Grants the creator's seat in a room.
    pub(crate) fn creator(room: &Room, name: DisplayName, identity: Identity) -> Self {
        let grant = Grant::new(Ticket::Creator, room.password_epoch()).identified(identity);
        Self { room: room.id(), epoch: room.epoch(), grant, name }
    }
}

#[derive(Deserialize, Serialize)]
struct WsClaims {
    exp: u64,
    room: String,
    /// A text, since JSON numbers are not exact beyond 2^53.
    epoch: String,
    /// The id that was promised to the guest. It is absent for the creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<String>,
    /// The ticket of a guest whose seat name the host application has chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<[u8; 16]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<BTreeMap<String, String>>,
    /// They are absent if they are those of a grant that does not name any.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<PermissionsJson>,
    password_epoch: u32,
    #[serde(default, skip_serializing_if = "Not::not")]
    passes_lock: bool,
    #[serde(default, skip_serializing_if = "Not::not")]
    passes_rotation: bool,
    name: String,
}

impl WsTokens {
    /// How long a ws token is valid.
    pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

    pub(crate) fn new(secret: &Secret) -> Self {
        jwt_crypto::install();
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
        let Grant { ticket, promised, identity, .. } = &grant.grant;
        let permissions = grant.grant.permissions;
        let usual = Grant::new(*ticket, 0).permissions;
        let (guest, ticket) = match ticket {
            Ticket::Creator => (None, None),
            Ticket::Guest(id) => (Some(*id), None),
            Ticket::Host(tag) => (*promised, Some(*tag.as_bytes())),
        };
        let claims = WsClaims {
            exp: expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            room: grant.room.to_string(),
            epoch: grant.epoch.to_string(),
            guest: guest.map(|id| id.to_string()),
            ticket,
            user: identity.user.as_ref().map(|user| user.as_str().to_owned()),
            attributes: identity.attributes.as_ref().map(Attributes::texts),
            permissions: (permissions != usual).then(|| permissions.into()),
            password_epoch: grant.grant.password_epoch,
            passes_lock: grant.grant.passes_lock,
            passes_rotation: grant.grant.passes_rotation,
            name: grant.name.to_string(),
        };
        let header = Header { typ: Some(WS_TYPE.to_owned()), ..Header::default() };
        sign(&header, &claims, &self.encoding)
    }

    pub(crate) fn verify(&self, token: &str) -> Result<SeatGrant, TokenError> {
        let TokenData { header, claims } =
            verify::<WsClaims>(token, &self.decoding, &self.validation)?;
        if header.typ.as_deref() != Some(WS_TYPE) {
            return Err(TokenError::Invalid);
        }
        let guest = claims.guest.map(|guest| guest.parse::<ParticipantId>()).transpose();
        let guest = guest.map_err(|_| TokenError::Invalid)?;
        let ticket = match (claims.ticket, guest) {
            (None, None) => Ticket::Creator,
            (None, Some(guest)) => Ticket::Guest(guest),
            (Some(tag), _) => Ticket::Host(TicketTag::new(tag)),
        };
        let mut grant = Grant::new(ticket, claims.password_epoch);
        if let Ticket::Host(_) = ticket {
            grant.promised = guest;
        }
        let user = claims.user.map(|user| user.parse()).transpose();
        let mut identity = Identity::default();
        identity.user = user.map_err(|_| TokenError::Invalid)?;
        let attributes = claims.attributes.map(|texts| {
            Attributes::new(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
        });
        identity.attributes = attributes.transpose().map_err(|_| TokenError::Invalid)?;
        let mut grant = grant.identified(identity);
        if let Some(permissions) = claims.permissions {
            grant.permissions = permissions.into();
        }
        grant.passes_lock = claims.passes_lock;
        grant.passes_rotation = claims.passes_rotation;
        Ok(SeatGrant {
            room: claims.room.parse().map_err(|_| TokenError::Invalid)?,
            epoch: claims.epoch.parse().map_err(|_| TokenError::Invalid)?,
            grant,
            name: DisplayName::parse(&claims.name).ok().flatten().ok_or(TokenError::Invalid)?,
        })
    }
}

const WS_TYPE: &str = "ws+jwt";

fn sign<T: Serialize>(header: &Header, claims: &T, key: &EncodingKey) -> String {
    encode(header, claims, key).expect("an HMAC key signs any claims that serialize to JSON")
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signal_core::Permissions;

    use super::*;
    use crate::clock::unix_seconds;

    fn ws() -> WsTokens {
        WsTokens::new(&Secret::new("server"))
    }

    fn seat() -> SeatGrant {
        let room = RoomId::from_indices([1; 6]);
        let grant = Grant::new(Ticket::Guest("p_abc12345".parse().unwrap()), 3);
        SeatGrant {
            room,
            epoch: u64::MAX,
            grant,
            name: DisplayName::parse("小红").unwrap().unwrap(),
        }
    }

    #[test]
    fn a_ws_token_says_what_was_put_into_it_until_it_expires() {
        let now = SystemTime::now();
        assert_eq!(ws().verify(&ws().mint(&seat(), now + WsTokens::LIFETIME)), Ok(seat()));
        let late = ws().mint(&seat(), now - Duration::from_secs(1));
        assert_eq!(ws().verify(&late), Err(TokenError::Expired));
        let creator = Grant::new(Ticket::Creator, 0);
        let creator = SeatGrant { grant: creator, ..seat() };
        assert_eq!(ws().verify(&ws().mint(&creator, now + WsTokens::LIFETIME)), Ok(creator));
    }

    #[test]
    fn a_ws_token_says_who_its_holder_is() {
        let attributes = Attributes::new([("role", "接待")]).unwrap();
        let identity = Identity::of("user-1".parse().unwrap()).with(attributes);
        let ticket = Ticket::Host(TicketTag::new([255; 16]));
        for promised in [None, Some("p_abc12345".parse().unwrap())] {
            let mut grant = Grant::new(ticket, 3).identified(identity.clone());
            grant.promised = promised;
            let seat = SeatGrant { grant, ..seat() };
            let token = ws().mint(&seat, SystemTime::now() + WsTokens::LIFETIME);
            assert_eq!(ws().verify(&token), Ok(seat));
        }
    }

    #[test]
    fn a_ws_token_says_what_its_holder_may_do() {
        let tickets = [Ticket::Creator, Ticket::Host(TicketTag::new([1; 16]))];
        for ticket in tickets {
            for permissions in [Permissions::ALL, Permissions::NONE, Permissions::default()] {
                let seat =
                    SeatGrant { grant: Grant::new(ticket, 3).permitted(permissions), ..seat() };
                let token = ws().mint(&seat, SystemTime::now() + WsTokens::LIFETIME);
                assert_eq!(ws().verify(&token), Ok(seat));
            }
        }
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
