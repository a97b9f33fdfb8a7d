//! Closing a room.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use signal_core::{CloseReason, Op};

use super::{apply, own_room, respond};
use crate::app::App;
use crate::error::ApiError;
use crate::language;
use crate::room_path::RoomPath;

/// `DELETE /api/webrtc/rooms/{room_id}`
pub(crate) async fn close(State(app): State<Arc<App>>, room: RoomPath, headers: HeaderMap) -> Response {
    let language = language::preferred(&headers);
    respond(close_room(&app, &room, &headers).await, language)
}

async fn close_room(app: &App, room: &RoomPath, headers: &HeaderMap) -> Result<serde_json::Value, ApiError> {
    let room = own_room(app, room, headers).await?;
    apply(app, &room, &Op::Close(CloseReason::ByCreator)).await?;
    tracing::info!(room = %room.id(), "room closed by its creator");
    Ok(json!({"room_id": room.id().to_string()}))
}
