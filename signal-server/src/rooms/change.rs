//! Changing a room: its name, lock, size, end and password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use signal_core::{Change, Op};

use super::pass::{Pass, Wanted, rotate};
use super::summary::Summary;
use super::{Body, apply, field, invalid, own_room, parse, respond, take_change, whole};
use crate::app::App;
use crate::error::ApiError;
use crate::language;
use crate::room_path::RoomPath;

/// What is to be changed; what is absent or `null` stays.
#[derive(Deserialize)]
struct ChangeRequest {
    name: Option<String>,
    locked: Option<bool>,
    max_participants: Option<i64>,
    /// From the creation on.
    expires_minutes: Option<i64>,
    rotate_password: Option<RotatePassword>,
}

/// A new password: `true` for a random one, or which.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected true, or a password as text")]
enum RotatePassword {
    Random(bool),
    This(String),
}

/// The room as it is now, and its new password if it has one.
#[derive(Serialize)]
struct Changed {
    #[serde(flatten)]
    room: Summary,
    #[serde(flatten)]
    pass: Option<Pass>,
}

/// `PATCH /api/webrtc/rooms/{room_id}`
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    room: RoomPath,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let language = language::preferred(&headers);
    respond(change_room(&app, &room, &headers, body).await, language)
}

async fn change_room(
    app: &App,
    room: &RoomPath,
    headers: &HeaderMap,
    body: Body,
) -> Result<Changed, ApiError> {
    let room = own_room(app, room, headers).await?;
    take_change(app, &room)?;
    let request: ChangeRequest = parse(&whole(app, body)?)?;
    let expires_at = match request.expires_minutes {
        None => None,
        Some(minutes) => Some(room.created_at() + field::life(minutes)?),
    };
    if expires_at.is_some_and(|at| at <= app.clock.now()) {
        return Err(invalid(
            "expires_minutes: they are over already, counted from the creation; DELETE closes a room",
        ));
    }
    let change = Change {
        name: field::display_name("name", request.name.as_deref())?.map(|name| name.as_str().into()),
        locked: request.locked,
        capacity: request.max_participants.map(field::capacity).transpose()?,
        expires_at,
        rotate: None,
    };
    let wanted = match request.rotate_password {
        None | Some(RotatePassword::Random(false)) => None,
        Some(RotatePassword::Random(true)) => Some(Wanted::Random),
        Some(RotatePassword::This(password)) => {
            Some(Wanted::This(field::password("rotate_password", password)?))
        }
    };
    let (room, pass) = match wanted {
        None => (apply(app, &room, &Op::Change(change)).await?, None),
        Some(wanted) => {
            let op = |rotation| Op::Change(Change { rotate: Some(rotation), ..change.clone() });
            let (room, pass) = rotate(app, &room, &wanted, op).await?;
            (room, Some(pass))
        }
    };
    Ok(Changed { room: Summary::of(&room), pass })
}
