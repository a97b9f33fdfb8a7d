//! Creates a room for a user.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::RoomId;
use signal_core::room::Reject;
use signal_core::wire::TypedText;

use super::room::ManagedRoom;
use super::texts;
use crate::app::App;
use crate::http::authentication::Accepting;
use crate::http::body::JsonBody;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::response::Success;
use crate::http::rooms::field;
use crate::http::rooms::summary::OnCreatorLeaveJson;
use crate::rooms::credentials::RoomCredentials;
use crate::server::handle::{CreateRoom, ServerHandle};

error_responses!(
    Unauthorized,
    InvalidArgument,
    RoomNotFound,
    BodyTooLarge,
    RateLimited,
    StorageUnavailable,
    Unavailable,
);

/// The settings of the new room.
#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = NewManagedRoom))]
struct CreateRequest {
    /// The id of the room, in place of a random one. The form of the random ids, six characters of
    /// `23456789ABCDEFGHJKMNPQRSTUVWXYZ`, is not allowed, and neither are `.` and `..`. When the
    /// room is over, its id can be used again.
    #[cfg_attr(
        feature = "documents",
        schema(pattern = "^[0-9A-Za-z._~-]{1,64}$", example = "daily-stand-up")
    )]
    room_id: Option<String>,
    /// The creator of the room: the `sub` of a user's access tokens, with which the user enters
    /// as the creator. Without a creator, no seat is kept for one, and only operators can
    /// manage the room.
    #[cfg_attr(feature = "documents", schema(min_length = 1, example = "alice"))]
    creator: Option<String>,
    /// The name to show, which has to contain visible characters. It is normalized (NFC), trimmed
    /// and stripped of invisible characters, and may then have 32 visible characters and 128 bytes.
    #[cfg_attr(
        feature = "documents",
        schema(min_length = 1, max_length = 32, example = "小明的房间")
    )]
    #[cfg_attr(feature = "documents", schema(value_type = String))]
    name: TypedText,
    /// How many participants the room can hold, including the creator: up to 50, or as many as the
    /// server's `--max-room-size` allows.
    #[cfg_attr(feature = "documents", schema(minimum = 1, maximum = 500, default = 10))]
    #[serde(default, deserialize_with = "field::whole_number")]
    max_participants: Option<i64>,
    /// How many minutes the room lasts.
    #[cfg_attr(feature = "documents", schema(minimum = 1, maximum = 1440, default = 120))]
    #[serde(default, deserialize_with = "field::whole_number")]
    expires_minutes: Option<i64>,
    /// What happens when the creator leaves. By default it is `close`.
    on_creator_leave: Option<OnCreatorLeaveJson>,
    /// Whether the room has a password, which is random. Without one, the room is entered with its
    /// invite or a token that operators create.
    #[cfg_attr(feature = "documents", schema(default = true))]
    has_password: Option<bool>,
    /// Texts of your own, at most 1 KiB of JSON, which participants never see. By default there are
    /// none.
    #[cfg_attr(feature = "documents", schema(example = json!({"meeting": "17"})))]
    data: Option<BTreeMap<String, String>>,
}

/// A new room, its password and its invite.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = CreatedManagedRoom))]
pub(crate) struct Created {
    #[serde(flatten)]
    room: ManagedRoom,
    #[serde(flatten)]
    credentials: RoomCredentials,
}

/// Create a room
///
/// The room counts among the open rooms of its creator.
#[cfg_attr(feature = "documents", utoipa::path(
    post,
    path = "/admin/rooms",
    tag = "rooms",
    operation_id = "create_room",
    params(crate::http::language::PreferredLanguage),
    request_body = CreateRequest,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The room and its credentials", body = Success<Created>),
        ErrorResponses
    )
))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    _: Accepting,
    body: JsonBody,
) -> Result<Success<Created>, ApiError> {
    let request: CreateRequest = body.parse()?;
    if request.creator.as_ref().is_some_and(String::is_empty) {
        return Err(invalid("creator: expected the `sub` of a user"));
    }
    let id = request.room_id.as_deref().map(RoomId::chosen).transpose();
    let name = field::display_name("name", Some(&request.name))?
        .ok_or_else(|| invalid("name: expected visible characters"))?;
    let mut new = CreateRoom::without_creator(name);
    new.id = id.map_err(|error| invalid(&format!("room_id: {error}")))?;
    new.creator = request.creator;
    if let Some(data) = request.data {
        new.data = texts::parse("data", &data)?;
    }
    if request.has_password == Some(false) {
        new.password = None;
    }
    if let Some(number) = request.max_participants {
        new.capacity = field::capacity(number, app.rooms.max_capacity)?;
    }
    if let Some(minutes) = request.expires_minutes {
        new.lifetime = field::lifetime(minutes)?;
    }
    if let Some(on_creator_leave) = request.on_creator_leave {
        new.on_creator_leave = on_creator_leave.into();
    }
    let created = ServerHandle::new(&app).create_room(new).await?;
    let room = app.rooms.get(created.room.id).ok_or(Reject::RoomNotFound)?;
    let room = ManagedRoom::of(&room, app.rooms.clock.now());
    Ok(Success::new(Created { room, credentials: created.credentials }))
}
