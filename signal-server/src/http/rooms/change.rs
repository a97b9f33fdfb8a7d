//! Changes a room's name, lock, capacity, expiry or password.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::room::{Capacity, Change, Op, Room};
use signal_core::wire::TypedText;

use super::field;
use super::new_credentials::NewCredentials;
use super::rotate_password::RotatePassword;
use super::summary::RoomJson;
use crate::app::App;
use crate::http::authentication::OwnRoom;
use crate::http::body::JsonBody;
use crate::http::error::{ApiError, wrong_input};
use crate::http::error_responses::error_responses;
use crate::http::response::Success;

error_responses!(
    Unauthorized,
    InvalidArgument,
    Forbidden,
    RoomNotFound,
    RoomExpired,
    Unavailable,
    BodyTooLarge,
    RateLimited
);

/// The settings to change.
#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = RoomChange))]
pub(in crate::http) struct ChangeRequest {
    /// The new name, with the rules of a new room. A name without visible characters changes
    /// nothing.
    #[cfg_attr(feature = "documents", schema(max_length = 32))]
    #[cfg_attr(feature = "documents", schema(value_type = Option<String>))]
    name: Option<TypedText>,
    /// Whether the room refuses newcomers, even with an invite. Participants who have a seat may
    /// come back.
    locked: Option<bool>,
    /// How many participants the room can hold. A smaller number removes nobody.
    #[cfg_attr(feature = "documents", schema(minimum = 1, maximum = 50))]
    #[serde(default, deserialize_with = "field::whole_number")]
    max_participants: Option<i64>,
    /// How many minutes the room lasts, counted from its creation. The end has to be in the future.
    #[cfg_attr(feature = "documents", schema(minimum = 1, maximum = 1440))]
    #[serde(default, deserialize_with = "field::whole_number")]
    expires_minutes: Option<i64>,
    /// Sets a new password. This voids the invite and all unused tokens.
    rotate_password: Option<RotatePassword>,
    /// `true` restores the password attempts of the room. This changes no password and ends no
    /// seat. This is possible ten times for each room; after that the request gets 429.
    restore_attempts: Option<bool>,
}

/// The room after the change, and its new password if one was set.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ChangedRoom))]
pub(crate) struct Changed {
    #[serde(flatten)]
    room: RoomJson,
    #[serde(flatten)]
    credentials: NewCredentials,
}

/// Change a room
///
/// Only the room's creator may do this. Fields that are absent or `null` remain unchanged. Either
/// all changes take effect or none.
#[cfg_attr(feature = "documents", utoipa::path(
    patch,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "change_room",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    request_body = ChangeRequest,
    security(("access_token" = [])),
    responses(
        (status = 200, description = "The room after the change", body = Success<Changed>),
        ErrorResponses
    )
))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    OwnRoom { room, user }: OwnRoom,
    body: JsonBody,
) -> Result<Success<Changed>, ApiError> {
    let counted = app.rates.count_change(&user.subject)?;
    let request: ChangeRequest = body.parse()?;
    let change = request.apply(&app, &room, app.rooms.max_public_capacity());
    Ok(Success::new(counted.during(change).await?))
}

impl ChangeRequest {
    /// Changes the room, which may then hold as many participants as `most`.
    pub(in crate::http) async fn apply(
        self,
        app: &App,
        room: &Room,
        most: Capacity,
    ) -> Result<Changed, ApiError> {
        let expires_at = match self.expires_minutes {
            None => None,
            Some(minutes) => Some(room.created_at() + field::lifetime(minutes)?.duration()),
        };
        if expires_at.is_some_and(|at| at <= app.rooms.clock.now()) {
            return Err(wrong_input(
                "expires_minutes",
                "从创建时算起，房间已经结束；要关闭房间请用 DELETE",
                "the room would already have ended, since they count from its creation; use DELETE \
                 to close it",
            ));
        }
        let name = field::display_name("name", self.name.as_ref())?;
        let capacity = self.max_participants.map(|number| field::capacity(number, most));
        let change = Change {
            name: name.map(|name| name.as_str().into()),
            locked: self.locked,
            capacity: capacity.transpose()?,
            expires_at,
            data: None,
            rotate: None,
            restore_attempts: self.restore_attempts.unwrap_or_default().then(|| room.restores()),
        };
        let choice = match self.rotate_password {
            Some(rotate) => rotate.choice()?,
            None => None,
        };
        let (room, credentials) = match choice {
            None => {
                let room = app.rooms.apply(room, &Op::Change(change)).await?;
                (room, NewCredentials::default())
            }
            Some(choice) => {
                let op = |rotation| Op::Change(Change { rotate: Some(rotation), ..change.clone() });
                let (room, credentials) = app.rooms.rotate(room, &choice, op).await?;
                (room, credentials.into())
            }
        };
        Ok(Changed { room: RoomJson::of(&room, app.rooms.clock.now()), credentials })
    }
}
