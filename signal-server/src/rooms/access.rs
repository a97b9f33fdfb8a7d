//! Who may do what in a room: the owner by an access token, anybody by a ws token.

use std::sync::Arc;

use signal_core::{CloseReason, DisplayName, Grant, Language, Room, RoomId, Status, Ticket};

use super::names;
use crate::auth::identity::{Identity, User};
use crate::auth::token_error::TokenError;
use crate::auth::ws_token::WsTokens;
use crate::client_address::ClientAddress;
use crate::limits::fixed_window::RateLimited;
use crate::limits::rates::Rates;
use crate::shard::Shards;

/// Tells whom a token is for.
pub(crate) struct Access {
    pub(crate) identity: Identity,
    pub(crate) ws_tokens: WsTokens,
    pub(crate) shards: Shards,
    pub(crate) rates: Arc<Rates>,
}

/// The seat that a token claims, as the token says. Whether the token still opens it is for the room to say.
pub(crate) struct SeatClaim {
    pub(crate) room: Arc<Room>,
    pub(crate) grant: Grant,
    /// What the others see.
    pub(crate) name: DisplayName,
}

/// Why somebody has no claim to a room, or to a seat in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClaimError {
    /// It is somebody else's room.
    Forbidden,
    /// The address has asked for too many rooms that are not its own.
    RateLimited(RateLimited),
    RoomNotFound,
    Token(TokenError),
}

impl Access {
    /// Whom an access token is for.
    pub(crate) async fn user(&self, token: &str) -> Result<User, TokenError> {
        self.identity.verify(token).await
    }

    /// The seat that a token claims: a ws token, or the access token of the room's creator.
    ///
    /// The token is verified before the room is looked up, so that strangers learn nothing about rooms.
    pub(crate) async fn claim_seat(
        &self,
        room: Option<RoomId>,
        token: &str,
        client: Option<ClientAddress>,
        language: Language,
    ) -> Result<SeatClaim, ClaimError> {
        match self.ws_tokens.verify(token) {
            Ok(seat) if room == Some(seat.room) => {
                let record = self.shards.of(seat.room).room(seat.room);
                // A later room of the same id is not the one this token was made for.
                let record = record.filter(|record| record.epoch() == seat.epoch);
                let room = record.ok_or(ClaimError::RoomNotFound)?;
                Ok(SeatClaim { room, grant: seat.grant, name: seat.name })
            }
            Ok(_) => Err(ClaimError::Token(TokenError::Invalid)),
            Err(TokenError::Expired) => Err(ClaimError::Token(TokenError::Expired)),
            Err(TokenError::Invalid | TokenError::Unverifiable) => {
                let user = self.user(token).await.map_err(ClaimError::Token)?;
                let room = self.own_room(room, &user, client)?;
                let password_epoch = room.password_epoch();
                let grant = Grant { ticket: Ticket::Creator, password_epoch };
                Ok(SeatClaim { room, grant, name: names::creator(&user, language) })
            }
        }
    }

    /// A room that this user has created, which may be over.
    ///
    /// Which other rooms there are is not to be found out by trying: each try is a failure of its address, as at `join`.
    pub(crate) fn own_room(
        &self,
        room: Option<RoomId>,
        user: &User,
        client: Option<ClientAddress>,
    ) -> Result<Arc<Room>, ClaimError> {
        let Some(record) = room.and_then(|id| self.shards.of(id).room(id)) else {
            self.rates.count_failed_attempt(client)?;
            return Err(ClaimError::RoomNotFound);
        };
        if record.creator() == user.subject {
            return Ok(record);
        }
        match record.status() {
            // It is no failure, but it tells whoever has none left as little as the others do.
            Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
                self.rates.check_attempt(client)?;
                Err(ClaimError::RoomNotFound)
            }
            Status::Closed(CloseReason::Expired) | Status::Open => {
                self.rates.count_failed_attempt(client)?;
                Err(ClaimError::Forbidden)
            }
        }
    }
}

impl From<RateLimited> for ClaimError {
    fn from(limited: RateLimited) -> Self {
        Self::RateLimited(limited)
    }
}
