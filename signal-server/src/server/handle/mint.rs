//! Tokens for a room that the host application issues by its own decision.

use std::fmt;
use std::time::SystemTime;

use signal_core::RoomId;
use signal_core::room::Reject;
use thiserror::Error;

use super::ServerHandle;
use crate::auth::ws_token::WsTokens;
use crate::rooms::mint::MintToken;
use crate::shard::room_ref::RoomRef;

/// A token that opens a socket in one room.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct MintedToken {
    /// The token, which a client uses as the `ws_token` of a response to `join`.
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
    /// The participant with that [seat name](MintToken::seat) is among the last 256 that were
    /// kicked.
    #[error("the participant with this seat name was kicked; use another seat name")]
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
    /// The room does not exist or has ended, the user is banned, the seat name is void, or the
    /// lifetime is too long.
    pub fn mint(&self, room: RoomId, token: MintToken) -> Result<MintedToken, MintError> {
        self.mint_for(room, token)
    }

    pub(crate) fn mint_for(
        &self,
        room: impl Into<RoomRef>,
        token: MintToken,
    ) -> Result<MintedToken, MintError> {
        let lifetime = token.lifetime;
        if lifetime > WsTokens::LIFETIME {
            return Err(MintError::TooLong);
        }
        let (app, record) = self.open(room).map_err(|_| MintError::RoomNotFound)?;
        let user = token.identity.user.as_ref();
        let is_banned = user.is_some_and(|user| record.is_banned(user));
        let grant = app.rooms.grant_seat(&record, token, None).map_err(|reject| match reject {
            Reject::GrantVoid if is_banned => MintError::Banned,
            Reject::GrantVoid => MintError::SeatVoid,
            _ => MintError::RoomNotFound,
        })?;
        let expires_at = SystemTime::now() + lifetime;
        let ws_token = app.access.ws_tokens.mint(&grant, expires_at);
        Ok(MintedToken { ws_token, expires_at })
    }
}

/// `Debug` hides the token.
impl fmt::Debug for MintedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
