//! Changing a room: its name, lock, size, end and password.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::{Change, Op};
use utoipa::ToSchema;

use super::field;
use super::new_credentials::NewCredentials;
use super::rotate_password::RotatePassword;
use super::summary::RoomSummary;
use crate::app::App;
use crate::http::authentication::OwnRoom;
use crate::http::body::JsonBody;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::RoomPath;
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

/// What is to be changed.
#[derive(Deserialize, ToSchema)]
#[schema(as = RoomChange)]
struct ChangeRequest {
    /// As in a new room; with nothing to show it stays.
    #[schema(max_length = 32)]
    name: Option<String>,
    /// Whether newcomers are kept out, those with an invite too. Those who were in may come back.
    locked: Option<bool>,
    /// How many fit; nobody is put out by a smaller number.
    #[schema(minimum = 1, maximum = 50)]
    #[serde(default, deserialize_with = "field::whole_number")]
    max_participants: Option<i64>,
    /// How long it lasts, counted from the creation; that has to be in the future.
    #[schema(minimum = 1, maximum = 1440)]
    #[serde(default, deserialize_with = "field::whole_number")]
    expires_minutes: Option<i64>,
    /// Ten times at most. It voids the invite, and tokens that have not been used yet.
    rotate_password: Option<RotatePassword>,
}

/// The room as it is now, and its new password if it has one.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedRoom)]
pub(crate) struct Changed {
    #[serde(flatten)]
    room: RoomSummary,
    #[serde(flatten)]
    credentials: NewCredentials,
}

/// Change a room
///
/// For its creator. What is absent or `null` stays as it is; it is all or nothing.
#[utoipa::path(
    patch,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "change_room",
    params(RoomPath, PreferredLanguage),
    request_body = ChangeRequest,
    security(("access_token" = [])),
    responses((status = 200, description = "The room as it is now", body = Success<Changed>), ErrorResponses)
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    OwnRoom(room): OwnRoom,
    body: JsonBody,
) -> Result<Success<Changed>, ApiError> {
    app.rates.count_change(room.creator())?;
    let request: ChangeRequest = body.parse()?;
    let expires_at = match request.expires_minutes {
        None => None,
        Some(minutes) => Some(room.created_at() + field::lifetime(minutes)?.duration()),
    };
    if expires_at.is_some_and(|at| at <= app.rooms.clock.now()) {
        return Err(invalid(
            "expires_minutes: they are over already, counted from the creation; DELETE closes a room",
        ));
    }
    let change = Change {
        name: field::display_name("name", request.name.as_deref())?
            .map(|name| name.as_str().into()),
        locked: request.locked,
        capacity: request.max_participants.map(field::capacity).transpose()?,
        expires_at,
        rotate: None,
    };
    let choice = match request.rotate_password {
        Some(rotate) => rotate.choice()?,
        None => None,
    };
    let (room, credentials) = match choice {
        None => (app.rooms.apply(room.id(), &Op::Change(change)).await?, NewCredentials::default()),
        Some(choice) => {
            let op = |rotation| Op::Change(Change { rotate: Some(rotation), ..change.clone() });
            let (room, credentials) = app.rooms.rotate(&room, &choice, op).await?;
            (room, credentials.into())
        }
    };
    Ok(Success::new(Changed { room: RoomSummary::of(&room), credentials }))
}
