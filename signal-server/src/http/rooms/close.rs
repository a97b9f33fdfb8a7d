//! Closes a room.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use signal_core::room::CloseReason;

use crate::app::App;
use crate::http::authentication::OwnRoom;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;

error_responses!(Unauthorized, Forbidden, RoomNotFound, RoomExpired, RateLimited, Unavailable);

/// The room that was closed.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ClosedRoom))]
pub(crate) struct Closed {
    /// The id of the closed room.
    #[cfg_attr(feature = "documents", schema(example = "ABC234"))]
    pub(in crate::http) room_id: String,
}

/// Close a room
///
/// Only the room's creator may do this. All participants are disconnected.
#[cfg_attr(feature = "documents", utoipa::path(
    delete,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "close_room",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    security(("access_token" = [])),
    responses(
        (status = 200, description = "The room is closed", body = Success<Closed>),
        ErrorResponses
    )
))]
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    OwnRoom { room, .. }: OwnRoom,
) -> Result<Success<Closed>, ApiError> {
    app.rooms.close(&room, CloseReason::ByCreator).await?;
    tracing::info!(room = %room.id(), "room closed by its creator");
    Ok(Success::new(Closed { room_id: room.id().to_string() }))
}
