//! One room of a user.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::summary::Details;
use super::{Success, own_room, respond};
use crate::app::App;
use crate::documents::openapi::refusals;
use crate::http::Client;
use crate::http::language::{self, Preference};
use crate::http::room_path::{RoomName, RoomPath};

refusals!(Unauthorized, Forbidden, RoomNotFound, RoomExpired, RateLimited, Unavailable);

/// Show a room
///
/// With everybody who has a seat. For its creator.
#[utoipa::path(
    get,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "show_room",
    params(RoomName, Preference),
    security(("access_token" = [])),
    responses((status = 200, description = "The room", body = Success<Details>), Refusals)
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    room: RoomPath,
    client: Client,
    headers: HeaderMap,
) -> Response {
    let language = language::preferred(&headers);
    respond(own_room(&app, &room, client, &headers).await.map(|room| Details::of(&room)), language)
}
