//! Replaces the attributes of a participant.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use signal_core::room::{Op, Reject};

use super::open_room::OpenRoom;
use super::texts;
use crate::app::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::path::ParticipantPath;
use crate::http::response::Success;
use crate::server::handle::SetParticipantError;

error_responses!(Unauthorized, InvalidArgument, RoomNotFound, ParticipantNotFound, BodyTooLarge);

/// A participant and its attributes.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ParticipantAttributes))]
pub(crate) struct Described {
    /// The participant id.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    participant_id: String,
    /// The attributes of the participant now.
    attributes: BTreeMap<String, String>,
}

/// Set the attributes of a participant
///
/// The attributes are texts that v2 participants see beside the name, at most 1 KiB of JSON. They
/// replace the previous ones, and `{}` removes them. v2 participants get `peer_updated`. If the
/// participant opens a new socket with its token, the attributes of the token apply again.
#[cfg_attr(feature = "documents", utoipa::path(
    put,
    path = "/admin/rooms/{room_id}/participants/{participant_id}/attributes",
    tag = "rooms",
    operation_id = "set_attributes",
    params(
        crate::http::path::RoomPath,
        ParticipantPath,
        crate::http::language::PreferredLanguage
    ),
    request_body = BTreeMap<String, String>,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The attributes are set", body = Success<Described>),
        ErrorResponses
    )
))]
pub(crate) async fn set_attributes(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    ParticipantPath(participant): ParticipantPath,
    body: JsonBody,
) -> Result<Success<Described>, ApiError> {
    let attributes = texts::parse("attributes", &body.parse()?)?;
    let participant = participant.ok_or(Reject::ParticipantNotFound)?;
    let set = Op::SetAttributes { participant, attributes: attributes.clone() };
    app.rooms.apply(&room, &set).await.map_err(SetParticipantError::from)?;
    tracing::info!(room = %room.id(), %participant, "attributes set by the host application");
    let (participant_id, attributes) = (participant.to_string(), attributes.texts());
    Ok(Success::new(Described { participant_id, attributes }))
}
