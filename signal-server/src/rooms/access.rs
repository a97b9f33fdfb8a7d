//! Decides who may use a room: its creator by an access token, others by a ws token.

use std::sync::Arc;

use signal_core::room::{CloseReason, Grant, Reject, Room, Status, Ticket};
use signal_core::{DisplayName, Language, RoomId};

use super::admit::JoinPolicy;
use super::names;
use crate::auth::login::{Login, LoginRequest, TokenRefusal, User};
use crate::auth::token_error::TokenError;
use crate::auth::ws_token::WsTokens;
use crate::client_address::ClientAddress;
use crate::limits::attempts::JoinAttempts;
use crate::limits::fixed_window::RateLimited;
use crate::metrics::Metrics;
use crate::shard::Shards;

/// Finds the user or the seat that a token is for.
pub(crate) struct Access {
    pub(crate) login: Login,
    /// Decides on requests to join, if the host application does.
    pub(crate) join_policy: Option<JoinPolicy>,
    pub(crate) ws_tokens: WsTokens,
    pub(crate) shards: Shards,
    pub(crate) attempts: Arc<JoinAttempts>,
    pub(crate) metrics: Metrics,
}

/// The seat that a valid token claims. The room decides later whether it admits the holder.
pub(crate) struct SeatClaim {
    pub(crate) room: Arc<Room>,
    pub(crate) grant: Grant,
    /// The name that others see.
    pub(crate) name: DisplayName,
}

/// Why a claim to a room or a seat is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClaimError {
    /// The room belongs to another user.
    Forbidden,
    /// The address has made too many failed attempts.
    RateLimited(RateLimited),
    RoomNotFound,
    Token(TokenError),
}

impl Access {
    /// Returns the user that a request comes from.
    pub(crate) async fn user(&self, request: LoginRequest<'_>) -> Result<User, TokenError> {
        if request.token.is_none() && !self.login.sees_requests() {
            return Err(TokenError::Invalid);
        }
        self.login.user(request).await.map_err(|refusal| {
            self.metrics.refused_token(refusal.as_str());
            refusal.error()
        })
    }

    /// Finds the seat that a request claims: by a ws token, or by the login of the room's creator.
    ///
    /// The login is verified before the room is looked up, so that strangers learn nothing about
    /// rooms.
    pub(crate) async fn claim_seat(
        &self,
        room: Option<RoomId>,
        request: LoginRequest<'_>,
        client: Option<ClientAddress>,
        language: Language,
    ) -> Result<SeatClaim, ClaimError> {
        match self.ws_tokens.verify(request.token.unwrap_or_default()) {
            Ok(seat) if room == Some(seat.room) => {
                let record = self.shards.of(seat.room).room(seat.room);
                // A later room with the same id has another epoch, and the token is not valid for
                // it.
                let Some(room) = record.filter(|record| record.epoch() == seat.epoch) else {
                    self.note_refused(TokenRefusal::Void);
                    return Err(ClaimError::RoomNotFound);
                };
                // The room itself refuses it later.
                if room.granted(&seat.grant) == Err(Reject::GrantVoid) {
                    self.note_refused(TokenRefusal::Void);
                }
                let grant = seat.grant.for_epoch(seat.epoch);
                Ok(SeatClaim { room, grant, name: seat.name })
            }
            Ok(_) => {
                self.note_refused(TokenRefusal::OtherRoom);
                Err(ClaimError::Token(TokenError::Invalid))
            }
            Err(TokenError::Expired) => {
                self.note_refused(TokenRefusal::Expired);
                Err(ClaimError::Token(TokenError::Expired))
            }
            Err(TokenError::Invalid | TokenError::Unverifiable) => {
                let user = self.user(request).await.map_err(ClaimError::Token)?;
                let room = self.own_room(room, &user, client)?;
                let name = names::creator(&user, language);
                let grant = Grant::new(Ticket::Creator, room.password_epoch())
                    .for_epoch(room.epoch())
                    .identified(user.identity);
                Ok(SeatClaim { room, grant, name })
            }
        }
    }

    /// Counts and logs why a ws token is refused. The login does so for access tokens.
    fn note_refused(&self, refusal: TokenRefusal) {
        let reason = refusal.as_str();
        self.metrics.refused_token(reason);
        tracing::debug!(reason, "refused a ws token");
    }

    /// Finds a room that this user created. The room may have ended.
    ///
    /// Requests for unknown rooms and rooms of other users count as failed attempts, as with
    /// `join`, so that guessing does not reveal which rooms exist.
    pub(crate) fn own_room(
        &self,
        room: Option<RoomId>,
        user: &User,
        client: Option<ClientAddress>,
    ) -> Result<Arc<Room>, ClaimError> {
        // A malformed room id does not count as an attempt to find a room.
        let room = room.ok_or(ClaimError::RoomNotFound)?;
        let Some(record) = self.shards.of(room).room(room) else {
            self.attempts.count_unknown_room(client)?;
            return Err(ClaimError::RoomNotFound);
        };
        if record.creator() == Some(&user.subject) {
            return Ok(record);
        }
        match record.status() {
            Status::Closed(CloseReason::Expired) | Status::Open => {
                self.attempts.count_unknown_room(client)?;
                Err(ClaimError::Forbidden)
            }
            // A closed room is not a failed attempt. An address over its limit gets the same error
            // as otherwise.
            Status::Closed(_) => {
                self.attempts.check(client)?;
                Err(ClaimError::RoomNotFound)
            }
        }
    }
}

impl From<RateLimited> for ClaimError {
    fn from(limited: RateLimited) -> Self {
        Self::RateLimited(limited)
    }
}
