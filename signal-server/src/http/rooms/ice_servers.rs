//! ICE servers for somebody who has a token already.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use signal_core::Language;
use utoipa::ToSchema;

use super::{Success, bearer, respond, rfc3339, wall};
use crate::app::App;
use crate::documents::openapi::refusals;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::http::language::{self, Preference};
use crate::http::room_path::{RoomName, RoomPath};
use crate::ice::IceServer;
use crate::limits::attempts::Guesses;
use crate::rooms::access::{Holder, holder};

refusals!(Unauthorized, Forbidden, RoomLocked, RoomNotFound, RoomExpired, RateLimited, Unavailable);

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
pub(crate) async fn ice_servers(
    State(app): State<Arc<App>>,
    room: RoomPath,
    client: Client,
    headers: HeaderMap,
) -> Response {
    let language = language::preferred(&headers);
    respond(announce(&app, &room, client, &headers, language).await, language)
}

async fn announce(
    app: &App,
    room: &RoomPath,
    client: Client,
    headers: &HeaderMap,
    language: Language,
) -> Result<Announced, ApiError> {
    let token = bearer(headers).ok_or(ApiError::Unauthorized)?;
    let Holder { room, grant, name: _ } = holder(app, room.0, token, client, language).await?;
    let participant = room.granted(grant)?;
    Guesses { app, client }.count_ice_request()?;
    let ice = app.ice.for_participant(&room, participant).await;
    Ok(Announced { ice_servers: ice.servers, ice_expires_at: rfc3339(wall(ice.expires_at)) })
}
