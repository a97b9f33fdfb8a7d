//! Putting a participant out of a room.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use signal_core::{Op, Reject};
use utoipa::ToSchema;

use super::new_credentials::NewCredentials;
use crate::app::App;
use crate::http::authentication::OwnRoom;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::{ParticipantPath, RoomPath};
use crate::http::response::Success;
use crate::rooms::credentials::PasswordChoice;

error_responses!(
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
pub(crate) struct Kicked {
    #[schema(example = "p_zzzy0001")]
    participant_id: String,
    #[serde(flatten)]
    credentials: NewCredentials,
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
    params(RoomPath, ParticipantPath, KickQuery, PreferredLanguage),
    security(("access_token" = [])),
    responses((status = 200, description = "It is out", body = Success<Kicked>), ErrorResponses)
)]
pub(crate) async fn kick(
    State(app): State<Arc<App>>,
    OwnRoom(room): OwnRoom,
    ParticipantPath(participant): ParticipantPath,
    query: Result<Query<KickQuery>, QueryRejection>,
) -> Result<Success<Kicked>, ApiError> {
    app.rates.count_change(room.creator())?;
    let Query(KickQuery { ban }) = query.map_err(|rejection| invalid(&rejection.body_text()))?;
    let participant = participant.ok_or(Reject::ParticipantNotFound)?;
    let credentials = if ban {
        let op = |rotation| Op::Kick { participant, rotate: Some(rotation) };
        app.rooms.rotate(&room, &PasswordChoice::Random, op).await?.1.into()
    } else {
        app.rooms.apply(room.id(), &Op::Kick { participant, rotate: None }).await?;
        NewCredentials::default()
    };
    tracing::info!(room = %room.id(), %participant, ban, "participant kicked");
    Ok(Success::new(Kicked { participant_id: participant.to_string(), credentials }))
}
