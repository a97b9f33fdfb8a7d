//! Lists all rooms.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;

use super::room::ManagedRoom;
use crate::app::App;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;

error_responses!(Unauthorized);

/// All open rooms, newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ManagedRoomList))]
pub(crate) struct Listed {
    rooms: Vec<ManagedRoom>,
}

/// List all rooms
///
/// Returns the open rooms of all users, newest first.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/admin/rooms",
    tag = "rooms",
    operation_id = "list_rooms",
    params(crate::http::language::PreferredLanguage),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "All open rooms", body = Success<Listed>),
        ErrorResponses
    )
))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Success<Listed> {
    let mut rooms = app.rooms.shards.open_rooms();
    rooms.sort_by_key(|room| (Reverse(room.created_at()), room.id()));
    let now = app.rooms.clock.now();
    Success::new(Listed { rooms: rooms.iter().map(|room| ManagedRoom::of(room, now)).collect() })
}
