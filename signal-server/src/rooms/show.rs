//! One room of a user.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::summary::Details;
use super::{own_room, respond};
use crate::app::App;
use crate::language;
use crate::room_path::RoomPath;

/// `GET /api/webrtc/rooms/{room_id}`
pub(crate) async fn show(State(app): State<Arc<App>>, room: RoomPath, headers: HeaderMap) -> Response {
    let language = language::preferred(&headers);
    respond(own_room(&app, &room, &headers).await.map(|room| Details::of(&room)), language)
}
