//! The rooms of a user.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::summary::Summary;
use super::{authenticate, respond};
use crate::app::App;
use crate::error::ApiError;
use crate::language;

/// The open rooms of a user, newest first.
#[derive(Serialize)]
struct Listed {
    rooms: Vec<Summary>,
}

/// `GET /api/webrtc/rooms`
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let language = language::preferred(&headers);
    respond(list_rooms(&app, &headers).await, language)
}

async fn list_rooms(app: &App, headers: &HeaderMap) -> Result<Listed, ApiError> {
    let user = authenticate(app, headers).await?;
    let mut rooms = app.shards.rooms_of(&user.subject);
    rooms.sort_by_key(|room| (Reverse(room.created_at()), room.id()));
    Ok(Listed { rooms: rooms.iter().map(|room| Summary::of(room)).collect() })
}
