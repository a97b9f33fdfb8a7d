//! Closes a room.

use std::sync::Arc;

use axum::extract::State;

use super::open_room::OpenRoom;
use crate::app::App;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;
use crate::http::rooms::close::Closed;
use crate::server::handle::ServerHandle;

error_responses!(Unauthorized, RoomNotFound);

/// Close a room
///
/// All participants are disconnected; v2 participants get `room_closed` with the code `admin`.
#[cfg_attr(feature = "documents", utoipa::path(
    delete,
    path = "/admin/rooms/{room_id}",
    tag = "rooms",
    operation_id = "close_room",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The room is closed", body = Success<Closed>),
        ErrorResponses
    )
))]
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
) -> Result<Success<Closed>, ApiError> {
    ServerHandle::new(&app).close_room(room.id()).await?;
    Ok(Success::new(Closed { room_id: room.id().to_string() }))
}
