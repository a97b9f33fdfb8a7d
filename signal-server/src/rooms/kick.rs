//! Putting a participant out of a room.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use signal_core::Op;

use super::pass::{Pass, Wanted, rotate};
use super::{apply, invalid, own_room, respond, take_change};
use crate::app::App;
use crate::error::ApiError;
use crate::language;
use crate::room_path::{ParticipantPath, RoomPath};

#[derive(Deserialize)]
pub(crate) struct KickQuery {
    /// Whether the password changes too, so that the participant cannot come back with the one it knows.
    #[serde(default)]
    ban: bool,
}

/// Who was put out, and the room's new password if it was a ban.
#[derive(Serialize)]
struct Kicked {
    participant_id: String,
    #[serde(flatten)]
    pass: Option<Pass>,
}

/// `DELETE /api/webrtc/rooms/{room_id}/participants/{participant_id}`
pub(crate) async fn kick(
    State(app): State<Arc<App>>,
    room: RoomPath,
    participant: ParticipantPath,
    query: Result<Query<KickQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let language = language::preferred(&headers);
    respond(kick_participant(&app, &room, &participant, query, &headers).await, language)
}

async fn kick_participant(
    app: &App,
    room: &RoomPath,
    participant: &ParticipantPath,
    query: Result<Query<KickQuery>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<Kicked, ApiError> {
    let room = own_room(app, room, headers).await?;
    take_change(app, &room)?;
    let Query(KickQuery { ban }) = query.map_err(|rejection| invalid(&rejection.body_text()))?;
    let participant = participant.0.ok_or(ApiError::ParticipantNotFound)?;
    let pass = if ban {
        let op = |rotation| Op::Kick { participant, rotate: Some(rotation) };
        Some(rotate(app, &room, &Wanted::Random, op).await?.1)
    } else {
        apply(app, &room, &Op::Kick { participant, rotate: None }).await?;
        None
    };
    tracing::info!(room = %room.id(), %participant, ban, "participant put out");
    Ok(Kicked { participant_id: participant.to_string(), pass })
}
