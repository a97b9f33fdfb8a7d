//! The rooms of a user.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::summary::Summary;
use super::{Success, authenticate, respond};
use crate::app::App;
use crate::documents::openapi::refusals;
use crate::http::error::ApiError;
use crate::http::language::{self, Preference};

refusals!(Unauthorized, Unavailable);

/// The open rooms of a user, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = RoomList)]
struct Listed {
    rooms: Vec<Summary>,
}

/// List one's rooms
///
/// Those that are open, newest first.
#[utoipa::path(
    get,
    path = "/api/webrtc/rooms",
    tag = "rooms",
    operation_id = "list_rooms",
    params(Preference),
    security(("access_token" = [])),
    responses((status = 200, description = "The rooms", body = Success<Listed>), Refusals)
)]
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let language = language::preferred(&headers);
    respond(list_rooms(&app, &headers).await, language)
}

async fn list_rooms(app: &App, headers: &HeaderMap) -> Result<Listed, ApiError> {
    let user = authenticate(app, headers).await?;
    let mut rooms = app.shards.rooms_of(&user.subject);
    rooms.sort_by_key(|room| (Reverse(room.created_at()), room.id()));
    Ok(Listed { rooms: rooms.iter().map(|room| Summary::of(room)).collect() })
}
