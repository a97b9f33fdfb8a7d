//! Closing a room.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use signal_core::{CloseReason, Op};
use utoipa::ToSchema;

use super::{Success, apply, own_room, respond};
use crate::app::App;
use crate::documents::openapi::refusals;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::http::language::{self, Preference};
use crate::http::room_path::{RoomName, RoomPath};

refusals!(Unauthorized, Forbidden, RoomNotFound, RoomExpired, RateLimited, Unavailable);

/// The room that is closed.
#[derive(Serialize, ToSchema)]
#[schema(as = ClosedRoom)]
struct Closed {
    #[schema(example = "ABC234")]
    room_id: String,
}

/// Close a room
///
/// For everybody in it. For its creator.
#[utoipa::path(
    delete,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "close_room",
    params(RoomName, Preference),
    security(("access_token" = [])),
    responses((status = 200, description = "It is closed", body = Success<Closed>), Refusals)
)]
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    room: RoomPath,
    client: Client,
    headers: HeaderMap,
) -> Response {
    let language = language::preferred(&headers);
    respond(close_room(&app, &room, client, &headers).await, language)
}

async fn close_room(
    app: &App,
    room: &RoomPath,
    client: Client,
    headers: &HeaderMap,
) -> Result<Closed, ApiError> {
    let room = own_room(app, room, client, headers).await?;
    apply(app, &room, &Op::Close(CloseReason::ByCreator)).await?;
    tracing::info!(room = %room.id(), "room closed by its creator");
    Ok(Closed { room_id: room.id().to_string() })
}
