//! Sends a message to participants.

use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signal_core::ErrorCode;
use signal_core::message::{HostMessage, HostMessageRefusal, Payload, Topic};
use signal_core::room::Reject;

use super::open_room::OpenRoom;
use crate::app::App;
use crate::http::body::JsonBody;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::response::Success;
use crate::server::handle::{SendError, ServerHandle};

error_responses!(
    Unauthorized,
    InvalidArgument,
    RoomNotFound,
    ParticipantNotFound,
    Unavailable,
    BodyTooLarge,
);

/// The message.
#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = OperatorMessage))]
struct SendRequest {
    /// The id of the participant that it is for, or `room` for everybody, which is the default.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    to: Option<String>,
    /// The topic of the message, for the page to recognize it: 1 to 64 characters.
    #[cfg_attr(feature = "documents", schema(min_length = 1, max_length = 64))]
    topic: String,
    /// Any JSON value of at most 16 KiB.
    #[cfg_attr(feature = "documents", schema(value_type = serde_json::Value))]
    data: Box<RawValue>,
}

/// The result of sending a message.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = SentMessage))]
pub(crate) struct Sent {
    /// The participants that do not get the message. All others do.
    refused: Vec<Refusal>,
}

/// A participant that does not get the message.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
struct Refusal {
    /// The id of the participant.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    participant_id: String,
    /// `rate_limited`: too many messages are waiting for the participant. `peer_unreachable`: the
    /// participant speaks v1.
    #[cfg_attr(feature = "documents", schema(example = "rate_limited"))]
    code: String,
}

/// Send a message
///
/// v2 participants get `message` with `from: "host"`. Those who have lost their socket get it when
/// they resume. A message to the room leaves out participants who speak v1.
#[cfg_attr(feature = "documents", utoipa::path(
    post,
    path = "/admin/rooms/{room_id}/messages",
    tag = "rooms",
    operation_id = "send_message",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    request_body = SendRequest,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The message is sent", body = Success<Sent>),
        ErrorResponses
    )
))]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    body: JsonBody,
) -> Result<Success<Sent>, ApiError> {
    let message = body.parse::<SendRequest>()?.message()?;
    let refused = match ServerHandle::new(&app).send_to(&room, message) {
        Ok(()) => Vec::new(),
        Err(SendError::Refused(refused)) => {
            refused.iter().map(Refusal::of).collect::<Result<_, _>>()?
        }
        Err(SendError::RoomNotFound) => return Err(Reject::RoomNotFound.into()),
    };
    Ok(Success::new(Sent { refused }))
}

impl SendRequest {
    fn message(self) -> Result<HostMessage, ApiError> {
        let topic = Topic::new(&self.topic).map_err(|error| invalid(&format!("topic: {error}")))?;
        let json = Bytes::from(Box::<str>::from(self.data).into_string());
        let data = Payload::from_json(&json).map_err(|error| invalid(&format!("data: {error}")))?;
        match self.to.as_deref() {
            None | Some("room") => Ok(HostMessage::to_room(topic, data)),
            Some(id) => {
                let participant = id.parse().map_err(|_| Reject::ParticipantNotFound)?;
                Ok(HostMessage::to_one(participant, topic, data))
            }
        }
    }
}

impl Refusal {
    /// Describes a refusal by one participant. A refusal that concerns all of them is an error.
    fn of(refusal: &HostMessageRefusal) -> Result<Self, ApiError> {
        match (refusal.participant, refusal.code) {
            (_, ErrorCode::PeerNotFound) => Err(Reject::ParticipantNotFound.into()),
            (_, ErrorCode::MessageTooLarge) => Err(invalid("data: longer than a message may be")),
            (Some(participant), code) => {
                Ok(Self { participant_id: participant.to_string(), code: code.as_str().to_owned() })
            }
            // Only another node of a cluster refuses without naming a participant, and this server
            // is alone.
            (None, _) => Err(ApiError::Unavailable),
        }
    }
}
