//! Replaces the name of a participant.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::room::{Op, Reject};
use signal_core::wire::TypedText;

use super::open_room::OpenRoom;
use crate::app::App;
use crate::http::body::JsonBody;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::path::ParticipantPath;
use crate::http::response::Success;
use crate::http::rooms::field;
use crate::server::handle::SetParticipantError;

error_responses!(Unauthorized, InvalidArgument, RoomNotFound, ParticipantNotFound, BodyTooLarge);

/// The new name of a participant.
#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = NewName))]
struct NameRequest {
    /// The name that others see, with the rules of a room's name. It has to contain visible
    /// characters.
    #[cfg_attr(feature = "documents", schema(min_length = 1, max_length = 32, example = "小红"))]
    #[cfg_attr(feature = "documents", schema(value_type = String))]
    name: TypedText,
}

/// A participant and its name.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ParticipantName))]
pub(crate) struct Named {
    /// The participant id.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    participant_id: String,
    /// The name of the participant now.
    name: String,
}

/// Set the name of a participant
///
/// The other participants that speak v2 get `peer_updated`. If the participant opens a new socket
/// with its token, the name of the token applies again.
#[cfg_attr(feature = "documents", utoipa::path(
    put,
    path = "/admin/rooms/{room_id}/participants/{participant_id}/name",
    tag = "rooms",
    operation_id = "set_name",
    params(
        crate::http::path::RoomPath,
        ParticipantPath,
        crate::http::language::PreferredLanguage
    ),
    request_body = NameRequest,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The name is set", body = Success<Named>),
        ErrorResponses
    )
))]
pub(crate) async fn set_name(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    ParticipantPath(participant): ParticipantPath,
    body: JsonBody,
) -> Result<Success<Named>, ApiError> {
    let request: NameRequest = body.parse()?;
    let name = field::display_name("name", Some(&request.name))?
        .ok_or_else(|| invalid("name: expected visible characters"))?;
    let participant = participant.ok_or(Reject::ParticipantNotFound)?;
    let set = Op::SetName { participant, name: name.clone() };
    app.rooms.apply(&room, &set).await.map_err(SetParticipantError::from)?;
    tracing::info!(room = %room.id(), %participant, "name set by the host application");
    let (participant_id, name) = (participant.to_string(), name.to_string());
    Ok(Success::new(Named { participant_id, name }))
}
