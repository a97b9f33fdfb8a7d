//! One room of a user.

use super::summary::RoomDetails;
use crate::http::authentication::OwnRoom;
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::RoomPath;
use crate::http::response::Success;

error_responses!(Unauthorized, Forbidden, RoomNotFound, RoomExpired, RateLimited, Unavailable);

/// Show a room
///
/// With everybody who has a seat. For its creator.
#[utoipa::path(
    get,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "show_room",
    params(RoomPath, PreferredLanguage),
    security(("access_token" = [])),
    responses((status = 200, description = "The room", body = Success<RoomDetails>), ErrorResponses)
)]
pub(crate) async fn show(OwnRoom(room): OwnRoom) -> Success<RoomDetails> {
    Success::new(RoomDetails::of(&room))
}
