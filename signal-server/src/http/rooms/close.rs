//! Closing a room.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use signal_core::CloseReason;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::authentication::OwnRoom;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::RoomPath;
use crate::http::response::Success;

error_responses!(Unauthorized, Forbidden, RoomNotFound, RoomExpired, RateLimited, Unavailable);

/// The room that is closed.
#[derive(Serialize, ToSchema)]
#[schema(as = ClosedRoom)]
pub(crate) struct Closed {
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
    params(RoomPath, PreferredLanguage),
    security(("access_token" = [])),
    responses((status = 200, description = "It is closed", body = Success<Closed>), ErrorResponses)
)]
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    OwnRoom(room): OwnRoom,
) -> Result<Success<Closed>, ApiError> {
    app.rooms.close(room.id(), CloseReason::ByCreator).await?;
    tracing::info!(room = %room.id(), "room closed by its creator");
    Ok(Success::new(Closed { room_id: room.id().to_string() }))
}
