//! ICE servers for somebody who has a token already.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use signal_core::{Grant, Room, Ticket};

use super::{bearer, own_room, respond, rfc3339, wall};
use crate::app::App;
use crate::error::ApiError;
use crate::ice::IceServer;
use crate::language;
use crate::room_path::RoomPath;
use crate::token::TokenError;

/// Where connections find a way, and until when the credentials there are good.
#[derive(Serialize)]
struct Announced {
    ice_servers: Vec<IceServer>,
    ice_expires_at: String,
}

/// `POST /api/webrtc/rooms/{room_id}/ice-servers`
pub(crate) async fn ice_servers(State(app): State<Arc<App>>, room: RoomPath, headers: HeaderMap) -> Response {
    let language = language::preferred(&headers);
    respond(announce(&app, &room, &headers).await, language)
}

async fn announce(app: &App, room: &RoomPath, headers: &HeaderMap) -> Result<Announced, ApiError> {
    let (room, grant) = identify(app, room, headers).await?;
    let participant = room.granted(grant)?;
    let ice = app.ice.for_participant(&room, participant).await;
    Ok(Announced { ice_servers: ice.servers, ice_expires_at: rfc3339(wall(ice.expires_at)) })
}

/// Verifies the token before it looks at the room, so that strangers learn nothing about rooms.
async fn identify(app: &App, room: &RoomPath, headers: &HeaderMap) -> Result<(Arc<Room>, Grant), ApiError> {
    match app.ws_tokens.verify(bearer(headers).ok_or(ApiError::Unauthorized)?) {
        Ok(seat) if room.0 == Some(seat.room) => {
            let record = app.shards.of(seat.room).room(seat.room);
            // A later room of the same id is not the one this token was made for.
            let record = record.filter(|record| record.epoch() == seat.epoch);
            Ok((record.ok_or(ApiError::RoomNotFound)?, seat.grant))
        }
        Ok(_) | Err(TokenError::Expired) => Err(ApiError::Unauthorized),
        Err(TokenError::Invalid | TokenError::Unverifiable) => {
            let record = own_room(app, room, headers).await?;
            let grant = Grant { ticket: Ticket::Creator, password_epoch: record.password_epoch() };
            Ok((record, grant))
        }
    }
}
