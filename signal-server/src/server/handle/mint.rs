//! Tokens for a room that the embedding application issues by its own decision.

use std::fmt;
use std::time::{Duration, SystemTime};

use signal_core::{DisplayName, Identity, Reject, RoomId, TicketTag};
use thiserror::Error;

use super::ServerHandle;
use crate::auth::ws_token::{SeatGrant, WsTokens};

/// The settings of a token, for [`ServerHandle::mint`].
///
/// ```
/// use signal_server::signal_core::{Attributes, Identity};
/// use signal_server::{DisplayName, MintToken};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = DisplayName::parse("Alice")?.ok_or("the name has no visible characters")?;
/// let mut token = MintToken::new(name);
/// token.identity = Identity::of("user-17".parse()?).with(Attributes::new([("role", "host")])?);
/// // The user is in the room once. Without this, once for each token.
/// token.seat = Some("user-17".to_owned());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MintToken {
    /// The name that others see.
    pub name: DisplayName,
    /// The identity of the holder: your id of the user, which other participants do not see, and
    /// attributes, which v2 participants see. By default it is empty. The token contains both,
    /// signed but not encrypted, so its holder can read them.
    pub identity: Identity,
    /// Your name of the seat, which is unique in the room: a newer socket with a token for the same
    /// seat replaces an older one. Participants do not see the name. By default each token has a
    /// seat of its own, so that a user can be in the room with several devices. A kick voids the
    /// name: use another one to let the user in again.
    pub seat: Option<String>,
    /// How long a socket can be opened with the token: at most 10 minutes, which is the default. A
    /// participant in the room stays beyond that.
    pub lifetime: Duration,
    /// Whether the token also admits to a locked room. By default it does not.
    pub passes_lock: bool,
    /// Whether the token stays valid when the password changes before it is used. By default it
    /// does not.
    pub passes_rotation: bool,
}

/// A token that opens a socket in one room.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct MintedToken {
    /// The token, which a client uses as the `ws_token` of an answer to `join`.
    pub ws_token: String,
    /// When it expires.
    pub expires_at: SystemTime,
}

/// Why no token was minted.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum MintError {
    /// The user is [banned](ServerHandle::ban_user) from the room.
    #[error("the user is banned from the room")]
    Banned,
    /// The room does not exist, or it has ended.
    #[error("no such room is open")]
    RoomNotFound,
    /// The participant in that [seat](MintToken::seat) is among the last 256 that were kicked.
    #[error("the participant in this seat was kicked; a token for another seat enters")]
    SeatVoid,
    /// The lifetime is more than 10 minutes.
    #[error("a token is valid for at most 10 minutes")]
    TooLong,
}

impl ServerHandle {
    /// Makes a token for a room, without its password. The token is valid for this room only, not
    /// for a later one with the same id. A seat is taken when a socket is opened with the token, if
    /// one is free.
    ///
    /// # Errors
    ///
    /// The room does not exist or has ended, the user is banned, the seat is void, or the lifetime
    /// is too long.
    pub fn mint(&self, room: RoomId, token: MintToken) -> Result<MintedToken, MintError> {
        let MintToken { name, identity, seat, lifetime, passes_lock, passes_rotation } = token;
        if lifetime > WsTokens::LIFETIME {
            return Err(MintError::TooLong);
        }
        let (app, record) = self.open(room).map_err(|_| MintError::RoomNotFound)?;
        let ticket = match seat {
            Some(seat) => app.rooms.ticket(&record, &seat),
            None => TicketTag::new(rand::random()),
        };
        let is_banned = identity.user.as_ref().is_some_and(|user| record.is_banned(user));
        let mut grant = record.mint(ticket, identity).map_err(|reject| match reject {
            Reject::GrantVoid if is_banned => MintError::Banned,
            Reject::GrantVoid => MintError::SeatVoid,
            _ => MintError::RoomNotFound,
        })?;
        (grant.passes_lock, grant.passes_rotation) = (passes_lock, passes_rotation);
        let expires_at = SystemTime::now() + lifetime;
        let grant = SeatGrant { room, epoch: record.epoch(), grant, name };
        let ws_token = app.access.ws_tokens.mint(&grant, expires_at);
        Ok(MintedToken { ws_token, expires_at })
    }
}

impl MintToken {
    /// Creates settings with this display name and defaults otherwise.
    #[must_use]
    pub fn new(name: DisplayName) -> Self {
        Self {
            name,
            identity: Identity::default(),
            seat: None,
            lifetime: WsTokens::LIFETIME,
            passes_lock: false,
            passes_rotation: false,
        }
    }
}

/// `Debug` hides the token.
impl fmt::Debug for MintedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
