//! Lists the rooms of a user.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;

use super::summary::RoomJson;
use crate::app::App;
use crate::http::authentication::Caller;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;

error_responses!(Unauthorized, Unavailable);

/// The open rooms of a user, newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = RoomList))]
pub(crate) struct Listed {
    /// The rooms, newest first.
    rooms: Vec<RoomJson>,
}

/// List your rooms
///
/// Returns your open rooms, newest first.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/api/webrtc/rooms",
    tag = "rooms",
    operation_id = "list_rooms",
    params(crate::http::language::PreferredLanguage),
    security(("access_token" = [])),
    responses(
        (status = 200, description = "Your open rooms", body = Success<Listed>),
        ErrorResponses
    )
))]
pub(crate) async fn list(State(app): State<Arc<App>>, Caller(user): Caller) -> Success<Listed> {
    let mut rooms = app.rooms.shards.rooms_of(&user.subject);
    rooms.sort_by_key(|room| (Reverse(room.created_at()), room.id()));
    let now = app.rooms.clock.now();
    Success::new(Listed { rooms: rooms.iter().map(|room| RoomJson::of(room, now)).collect() })
}
