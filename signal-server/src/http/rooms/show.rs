//! Shows one room of a user.

use std::sync::Arc;

use axum::extract::State;

use super::summary::RoomDetailsJson;
use crate::app::App;
use crate::http::authentication::OwnRoom;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;

error_responses!(Unauthorized, Forbidden, RoomNotFound, RoomExpired, RateLimited, Unavailable);

/// Show a room
///
/// Only the room's creator may do this. The participants include those whose seat is kept while
/// they are disconnected.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "show_room",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    security(("access_token" = [])),
    responses(
        (status = 200, description = "The room and its participants", body = Success<RoomDetailsJson>),
        ErrorResponses
    )
))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    OwnRoom { room, .. }: OwnRoom,
) -> Success<RoomDetailsJson> {
    Success::new(RoomDetailsJson::of(&room, app.rooms.clock.now()))
}
