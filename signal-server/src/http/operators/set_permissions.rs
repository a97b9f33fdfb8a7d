//! Replaces the permissions of a participant.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use signal_core::room::{Op, Reject};

use super::open_room::OpenRoom;
use crate::app::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::path::ParticipantPath;
use crate::http::response::Success;
use crate::permissions::PermissionsJson;
use crate::server::handle::SetParticipantError;

error_responses!(Unauthorized, InvalidArgument, RoomNotFound, ParticipantNotFound, BodyTooLarge);

/// A participant and its permissions.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ParticipantPermissions))]
pub(crate) struct Permitted {
    /// The participant id.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    participant_id: String,
    /// The permissions of the participant now.
    permissions: PermissionsJson,
}

/// Set the permissions of a participant
///
/// They replace the previous ones and hold from the participant's next message on. Its token does
/// not bring the previous ones back. The participant gets `permissions_updated` if it speaks v2.
#[cfg_attr(feature = "documents", utoipa::path(
    put,
    path = "/admin/rooms/{room_id}/participants/{participant_id}/permissions",
    tag = "rooms",
    operation_id = "set_permissions",
    params(
        crate::http::path::RoomPath,
        ParticipantPath,
        crate::http::language::PreferredLanguage
    ),
    request_body = PermissionsJson,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The permissions are set", body = Success<Permitted>),
        ErrorResponses
    )
))]
pub(crate) async fn set_permissions(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    ParticipantPath(participant): ParticipantPath,
    body: JsonBody,
) -> Result<Success<Permitted>, ApiError> {
    let permissions: PermissionsJson = body.parse()?;
    let participant = participant.ok_or(Reject::ParticipantNotFound)?;
    let set = Op::SetPermissions { participant, permissions: permissions.into() };
    app.rooms.apply(&room, &set).await.map_err(SetParticipantError::from)?;
    tracing::info!(room = %room.id(), %participant, "permissions set by the host application");
    Ok(Success::new(Permitted { participant_id: participant.to_string(), permissions }))
}
