//! Putting a participant out of a room.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use signal_core::Op;
use utoipa::ToSchema;

use super::new_pass::NewPass;
use super::{Success, apply, invalid, own_room, respond, take_change};
use crate::app::App;
use crate::documents::openapi::refusals;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::http::language::{self, Preference};
use crate::http::room_path::{ParticipantName, ParticipantPath, RoomName, RoomPath};
use crate::rooms::credentials::{Wanted, rotate};

refusals!(
    Unauthorized,
    InvalidArgument,
    Forbidden,
    RoomNotFound,
    RoomExpired,
    Unavailable,
    ParticipantNotFound,
    RateLimited
);

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KickQuery {
    /// Whether the password changes too, so that the participant cannot come back with the one it knows.
    #[serde(default)]
    ban: bool,
}

/// Who was put out, and the room's new password if it was a ban.
#[derive(Serialize, ToSchema)]
#[schema(as = KickedParticipant)]
struct Kicked {
    #[schema(example = "p_zzzy0001")]
    participant_id: String,
    #[serde(flatten)]
    pass: NewPass,
}

/// Put a participant out
///
/// For the room's creator. Its tokens are void. With `ban` the room gets a new password and invite as well, and all tokens
/// are void that have not been used yet. Done already it is done again.
#[utoipa::path(
    delete,
    path = "/api/webrtc/rooms/{room_id}/participants/{participant_id}",
    tag = "rooms",
    operation_id = "kick_participant",
    params(RoomName, ParticipantName, KickQuery, Preference),
    security(("access_token" = [])),
    responses((status = 200, description = "It is out", body = Success<Kicked>), Refusals)
)]
pub(crate) async fn kick(
    State(app): State<Arc<App>>,
    room: RoomPath,
    participant: ParticipantPath,
    client: Client,
    query: Result<Query<KickQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let language = language::preferred(&headers);
    respond(kick_participant(&app, &room, &participant, client, query, &headers).await, language)
}

async fn kick_participant(
    app: &App,
    room: &RoomPath,
    participant: &ParticipantPath,
    client: Client,
    query: Result<Query<KickQuery>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<Kicked, ApiError> {
    let room = own_room(app, room, client, headers).await?;
    take_change(app, &room)?;
    let Query(KickQuery { ban }) = query.map_err(|rejection| invalid(&rejection.body_text()))?;
    let participant = participant.0.ok_or(ApiError::ParticipantNotFound)?;
    let pass = if ban {
        let op = |rotation| Op::Kick { participant, rotate: Some(rotation) };
        rotate(app, &room, &Wanted::Random, op).await?.1.into()
    } else {
        apply(app, &room, &Op::Kick { participant, rotate: None }).await?;
        NewPass::default()
    };
    tracing::info!(room = %room.id(), %participant, ban, "participant put out");
    Ok(Kicked { participant_id: participant.to_string(), pass })
}
