//! Removes a participant from a room.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use signal_core::room::{Op, Reject};

use super::new_credentials::NewCredentials;
use crate::app::App;
use crate::http::authentication::OwnRoom;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::path::ParticipantPath;
use crate::http::response::Success;
use crate::rooms::credentials::PasswordChoice;
use crate::rooms::service::ChangeError;

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

#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(parameter_in = Query))]
pub(crate) struct KickQuery {
    /// Whether to change the password too, so that the participant cannot come back with the old
    /// one, and to ban the participant's user if it has one.
    #[serde(default)]
    pub(in crate::http) ban: bool,
}

/// The removed participant, and the room's new password after a ban.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = KickedParticipant))]
pub(crate) struct Kicked {
    /// The id of the removed participant.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    pub(in crate::http) participant_id: String,
    #[serde(flatten)]
    pub(in crate::http) credentials: NewCredentials,
}

/// Kick a participant
///
/// Only the room's creator may do this. The participant's token becomes void. With `ban` the room
/// also gets a new password and invite, and all unused tokens become void. If the host application
/// has named a user for the participant, a ban removes all seats of the user, and the user's tokens
/// no longer open the room. Repeating a kick changes nothing; repeating a ban changes the password
/// again.
#[cfg_attr(feature = "documents", utoipa::path(
    delete,
    path = "/api/webrtc/rooms/{room_id}/participants/{participant_id}",
    tag = "rooms",
    operation_id = "kick_participant",
    params(
        crate::http::path::RoomPath,
        ParticipantPath,
        KickQuery,
        crate::http::language::PreferredLanguage
    ),
    security(("access_token" = [])),
    responses(
        (status = 200, description = "The participant is removed", body = Success<Kicked>),
        ErrorResponses
    )
))]
pub(crate) async fn kick(
    State(app): State<Arc<App>>,
    OwnRoom { room, user }: OwnRoom,
    ParticipantPath(participant): ParticipantPath,
    query: Result<Query<KickQuery>, QueryRejection>,
) -> Result<Success<Kicked>, ApiError> {
    let counted = app.rates.count_change(&user.subject)?;
    let Query(KickQuery { ban }) = query.map_err(|rejection| invalid(&rejection.body_text()))?;
    let participant = participant.ok_or(Reject::ParticipantNotFound)?;
    let kick = async {
        if ban {
            let op = |rotation| Op::Kick { participant, rotate: Some(rotation) };
            let (_, credentials) = app.rooms.rotate(&room, &PasswordChoice::Random, op).await?;
            Ok::<NewCredentials, ChangeError>(credentials.into())
        } else {
            app.rooms.apply(&room, &Op::Kick { participant, rotate: None }).await?;
            Ok(NewCredentials::default())
        }
    };
    let credentials = counted.during(kick).await?;
    tracing::info!(room = %room.id(), %participant, ban, "participant kicked");
    Ok(Success::new(Kicked { participant_id: participant.to_string(), credentials }))
}
