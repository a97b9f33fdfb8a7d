//! Whom a token is for: the room, and the seat in it that it opens.

use std::sync::Arc;

use signal_core::{CloseReason, DisplayName, Grant, Language, Room, RoomId, Status, Ticket};

use crate::app::App;
use crate::auth::identity::User;
use crate::auth::ws_token::TokenError;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::http::rooms::creator_name;
use crate::limits::attempts::Guesses;
use crate::limits::quota::UsedUp;

/// Somebody with a token of a room, as the token says. Whether it still opens a seat is for the room to say.
pub(crate) struct Holder {
    pub(crate) room: Arc<Room>,
    pub(crate) grant: Grant,
    /// What the others see.
    pub(crate) name: DisplayName,
}

/// Why a token is for nobody in that room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoHolder {
    /// It is somebody else's room.
    Foreign,
    /// The address has asked for too many rooms that are not its own.
    RateLimited(UsedUp),
    RoomNotFound,
    Token(TokenError),
}

/// Verifies the token before it looks at the room, so that strangers learn nothing about rooms.
pub(crate) async fn holder(
    app: &App,
    room: Option<RoomId>,
    token: &str,
    client: Client,
    language: Language,
) -> Result<Holder, NoHolder> {
    match app.ws_tokens.verify(token) {
        Ok(seat) if room == Some(seat.room) => {
            let record = app.shards.of(seat.room).room(seat.room);
            // A later room of the same id is not the one this token was made for.
            let record = record.filter(|record| record.epoch() == seat.epoch);
            let room = record.ok_or(NoHolder::RoomNotFound)?;
            Ok(Holder { room, grant: seat.grant, name: seat.name })
        }
        Ok(_) => Err(NoHolder::Token(TokenError::Invalid)),
        Err(TokenError::Expired) => Err(NoHolder::Token(TokenError::Expired)),
        Err(TokenError::Invalid | TokenError::Unverifiable) => {
            let user = app.identity.verify(token).await.map_err(NoHolder::Token)?;
            let room = own_room(app, room, &user, client)?;
            let grant = Grant { ticket: Ticket::Creator, password_epoch: room.password_epoch() };
            Ok(Holder { room, grant, name: creator_name(&user, language) })
        }
    }
}

/// A room that this user has created, which may be over.
///
/// Which other rooms there are is not to be found out by trying: each try is a failure of its address, as at `join`.
pub(crate) fn own_room(
    app: &App,
    room: Option<RoomId>,
    user: &User,
    client: Client,
) -> Result<Arc<Room>, NoHolder> {
    let guesses = Guesses { app, client };
    let Some(record) = room.and_then(|id| app.shards.of(id).room(id)) else {
        guesses.fail().map_err(NoHolder::RateLimited)?;
        return Err(NoHolder::RoomNotFound);
    };
    if record.creator() == user.subject {
        return Ok(record);
    }
    match record.status() {
        // It is no failure, but it tells whoever has none left as little as the others do.
        Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
            guesses.check().map_err(NoHolder::RateLimited)?;
            Err(NoHolder::RoomNotFound)
        }
        Status::Closed(CloseReason::Expired) | Status::Open => {
            guesses.fail().map_err(NoHolder::RateLimited)?;
            Err(NoHolder::Foreign)
        }
    }
}

impl From<NoHolder> for ApiError {
    fn from(error: NoHolder) -> Self {
        match error {
            NoHolder::Foreign => Self::Forbidden,
            NoHolder::RateLimited(used_up) => used_up.into(),
            NoHolder::RoomNotFound => Self::RoomNotFound,
            NoHolder::Token(TokenError::Expired | TokenError::Invalid) => Self::Unauthorized,
            NoHolder::Token(TokenError::Unverifiable) => Self::Unavailable,
        }
    }
}
