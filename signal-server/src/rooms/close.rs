//! Closing a room.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use signal_core::{CloseReason, Op, Status};

use super::{authenticate, respond};
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
    let user = authenticate(app, headers).await?;
    let id = room.0.ok_or(ApiError::RoomNotFound)?;
    let shard = app.shards.of(id);
    let room = shard.room(id).ok_or(ApiError::RoomNotFound)?;
    let is_creator = room.creator() == user.subject;
    match room.status() {
        Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => return Err(ApiError::RoomNotFound),
        Status::Closed(CloseReason::Expired) if is_creator => return Err(ApiError::RoomExpired),
        Status::Closed(CloseReason::Expired) | Status::Open => {}
    }
    if !is_creator {
        return Err(ApiError::Forbidden);
    }
    let close = Op::Close(CloseReason::ByCreator);
    shard.apply(id, &close, |_| {}).await.ok_or(ApiError::Unavailable)?.reply?;
    tracing::info!(room = %id, "room closed by its creator");
    Ok(json!({"room_id": id.to_string()}))
}
