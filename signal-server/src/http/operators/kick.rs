//! Removes a participant from a room.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use signal_core::room::Reject;

use super::open_room::OpenRoom;
use crate::app::App;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::path::ParticipantPath;
use crate::http::response::Success;
use crate::http::rooms::kick::{KickQuery, Kicked};
use crate::http::rooms::new_credentials::NewCredentials;
use crate::server::handle::ServerHandle;

error_responses!(
    Unauthorized,
    InvalidArgument,
    Forbidden,
    RoomNotFound,
    ParticipantNotFound,
    Unavailable
);

/// Kick a participant
///
/// The participant's token becomes void. With `ban` the room also gets a new password and invite,
/// and all unused tokens become void, except those created with `passes_rotation`. If the
/// participant has a user, a ban also bans the user. Repeating a kick changes nothing; repeating a
/// ban changes the password again. The room's creator cannot be removed.
#[cfg_attr(feature = "documents", utoipa::path(
    delete,
    path = "/admin/rooms/{room_id}/participants/{participant_id}",
    tag = "rooms",
    operation_id = "kick_participant",
    params(
        crate::http::path::RoomPath,
        ParticipantPath,
        KickQuery,
        crate::http::language::PreferredLanguage
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The participant is removed", body = Success<Kicked>),
        ErrorResponses
    )
))]
pub(crate) async fn kick(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    ParticipantPath(participant): ParticipantPath,
    query: Result<Query<KickQuery>, QueryRejection>,
) -> Result<Success<Kicked>, ApiError> {
    let Query(KickQuery { ban }) = query.map_err(|rejection| invalid(&rejection.body_text()))?;
    let participant = participant.ok_or(Reject::ParticipantNotFound)?;
    let handle = ServerHandle::new(&app);
    let credentials = if ban {
        handle.ban(room.id(), participant).await?.into()
    } else {
        handle.kick(room.id(), participant).await?;
        NewCredentials::default()
    };
    Ok(Success::new(Kicked { participant_id: participant.to_string(), credentials }))
}
