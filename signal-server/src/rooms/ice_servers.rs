//! ICE servers for somebody who has a token already.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use signal_core::{Grant, Room, Ticket};
use utoipa::ToSchema;

use super::{Success, bearer, own_room, respond, rfc3339, wall};
use crate::app::App;
use crate::error::ApiError;
use crate::ice::IceServer;
use crate::language::{self, Preference};
use crate::openapi::refusals;
use crate::room_path::{RoomName, RoomPath};
use crate::token::TokenError;

refusals!(Unauthorized, Forbidden, RoomLocked, RoomNotFound, RoomExpired, Unavailable);

/// Where connections find a way, and until when the credentials there are good.
#[derive(Serialize, ToSchema)]
#[schema(as = IceServerList)]
struct Announced {
    ice_servers: Vec<IceServer>,
    #[schema(format = DateTime)]
    ice_expires_at: String,
}

/// Get ICE servers
///
/// For whoever has a token that opens a seat, taken or not: a ws token of the room, or its creator's access token.
#[utoipa::path(
    post,
    path = "/api/webrtc/rooms/{room_id}/ice-servers",
    tag = "rooms",
    operation_id = "get_ice_servers",
    params(RoomName, Preference),
    security(("access_token" = []), ("ws_token" = [])),
    responses((status = 200, description = "Where connections find a way", body = Success<Announced>), Refusals)
)]
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
