//! Shows one room.

use std::sync::Arc;

use axum::extract::State;

use super::open_room::OpenRoom;
use super::room::ManagedRoomDetails;
use crate::app::App;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;

error_responses!(Unauthorized, RoomNotFound);

/// Show a room
///
/// The participants include those whose seat is kept while they are disconnected.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/admin/rooms/{room_id}",
    tag = "rooms",
    operation_id = "show_room",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    security(("admin_key" = [])),
    responses(
        (
            status = 200,
            description = "The room and its participants",
            body = Success<ManagedRoomDetails>
        ),
        ErrorResponses
    )
))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
) -> Success<ManagedRoomDetails> {
    Success::new(ManagedRoomDetails::of(&room, app.rooms.clock.now()))
}
