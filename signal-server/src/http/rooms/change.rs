//! Changing a room: its name, lock, size, end and password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use signal_core::{Change, Op};
use utoipa::ToSchema;

use super::new_pass::NewPass;
use super::rotate_password::RotatePassword;
use super::summary::Summary;
use super::{Body, Success, apply, field, invalid, own_room, parse, respond, take_change, whole};
use crate::app::App;
use crate::documents::openapi::refusals;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::http::language::{self, Preference};
use crate::http::room_path::{RoomName, RoomPath};
use crate::rooms::credentials::rotate;

refusals!(
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
struct Changed {
    #[serde(flatten)]
    room: Summary,
    #[serde(flatten)]
    pass: NewPass,
}

/// Change a room
///
/// For its creator. What is absent or `null` stays as it is; it is all or nothing.
#[utoipa::path(
    patch,
    path = "/api/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "change_room",
    params(RoomName, Preference),
    request_body = ChangeRequest,
    security(("access_token" = [])),
    responses((status = 200, description = "The room as it is now", body = Success<Changed>), Refusals)
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    room: RoomPath,
    client: Client,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let language = language::preferred(&headers);
    respond(change_room(&app, &room, client, &headers, body).await, language)
}

async fn change_room(
    app: &App,
    room: &RoomPath,
    client: Client,
    headers: &HeaderMap,
    body: Body,
) -> Result<Changed, ApiError> {
    let room = own_room(app, room, client, headers).await?;
    take_change(app, &room)?;
    let request: ChangeRequest = parse(&whole(app, body)?)?;
    let expires_at = match request.expires_minutes {
        None => None,
        Some(minutes) => Some(room.created_at() + field::lifetime(minutes)?.duration()),
    };
    if expires_at.is_some_and(|at| at <= app.clock.now()) {
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
    let wanted = match request.rotate_password {
        Some(rotate) => rotate.wanted()?,
        None => None,
    };
    let (room, pass) = match wanted {
        None => (apply(app, &room, &Op::Change(change)).await?, NewPass::default()),
        Some(wanted) => {
            let op = |rotation| Op::Change(Change { rotate: Some(rotation), ..change.clone() });
            let (room, pass) = rotate(app, &room, &wanted, op).await?;
            (room, pass.into())
        }
    };
    Ok(Changed { room: Summary::of(&room), pass })
}
