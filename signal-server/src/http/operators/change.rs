//! Changes a room's name, lock, capacity, expiry or password.

use std::sync::Arc;

use axum::extract::State;

use super::open_room::OpenRoom;
use crate::app::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;
use crate::http::rooms::change::{ChangeRequest, Changed};

error_responses!(
    Unauthorized,
    InvalidArgument,
    RoomNotFound,
    RoomExpired,
    Unavailable,
    BodyTooLarge,
    RateLimited
);

/// Change a room
///
/// Fields that are absent or `null` remain unchanged. Either all changes take effect or none.
#[cfg_attr(feature = "documents", utoipa::path(
    patch,
    path = "/admin/rooms/{room_id}",
    tag = "rooms",
    operation_id = "change_room",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    request_body = ChangeRequest,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The room after the change", body = Success<Changed>),
        ErrorResponses
    )
))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    body: JsonBody,
) -> Result<Success<Changed>, ApiError> {
    let request: ChangeRequest = body.parse()?;
    let changed = request.apply(&app, &room, app.rooms.max_capacity).await?;
    tracing::info!(room = %room.id(), "room changed by the host application");
    Ok(Success::new(changed))
}
