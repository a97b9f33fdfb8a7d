//! The HTTP requests about rooms, and what they have in common.

pub(crate) mod change;
pub(crate) mod close;
pub(crate) mod create;
mod field;
pub(crate) mod ice_servers;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod list;
mod new_pass;
mod rotate_password;
pub(crate) mod show;
mod summary;

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use signal_core::{
    CloseReason, DisplayName, Grant, Language, Op, Room, Status, Ticket, Timestamp, wire,
};
use utoipa::ToSchema;

pub(crate) use self::change::change;
pub(crate) use self::close::close;
pub(crate) use self::create::create;
pub(crate) use self::ice_servers::ice_servers;
pub(crate) use self::join::join;
pub(crate) use self::kick::kick;
pub(crate) use self::list::list;
pub(crate) use self::show::show;
use crate::app::App;
use crate::auth::identity::User;
use crate::auth::ws_token::SeatGrant;
use crate::documents::openapi;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::http::room_path::RoomPath;
use crate::limits::Limit;
use crate::rooms::access::{self, NoHolder};

fn seat_grant(room: &Room, ticket: Ticket, name: DisplayName) -> SeatGrant {
    let grant = Grant { ticket, password_epoch: room.password_epoch() };
    SeatGrant { room: room.id(), epoch: room.epoch(), grant, name }
}

/// The name that a room's creator is shown with.
pub(crate) fn creator_name(user: &User, language: Language) -> DisplayName {
    user.name.clone().unwrap_or_else(|| named(language, "房主", "Host"))
}

/// Whether somebody can be taken in still.
fn taking_in(app: &App) -> Result<(), ApiError> {
    if app.drain.is_on() { Err(ApiError::Draining) } else { Ok(()) }
}

async fn authenticate(app: &App, headers: &HeaderMap) -> Result<User, ApiError> {
    let token = bearer(headers).ok_or(ApiError::Unauthorized)?;
    Ok(app.identity.verify(token).await.map_err(NoHolder::Token)?)
}

/// The room of a path, if it is there and its creator asks.
async fn own_room(
    app: &App,
    room: &RoomPath,
    client: Client,
    headers: &HeaderMap,
) -> Result<Arc<Room>, ApiError> {
    let user = authenticate(app, headers).await?;
    let room = access::own_room(app, room.0, &user, client)?;
    match room.status() {
        Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
            Err(ApiError::RoomNotFound)
        }
        Status::Closed(CloseReason::Expired) => Err(ApiError::RoomExpired),
        Status::Open => Ok(room),
    }
}

/// Whether a creator may change one of its rooms once more.
fn take_change(app: &App, room: &Room) -> Result<(), ApiError> {
    let taken = app.changes.take(room.creator().to_owned());
    Ok(taken.inspect_err(|_| app.refusals.count(Limit::ChangesPerMinute))?)
}

/// Carries out an operation; the answer is the room after it.
async fn apply(app: &App, room: &Room, op: &Op) -> Result<Arc<Room>, ApiError> {
    let id = room.id();
    let applied = app.shards.of(id).apply(id, op, |_| {}).await.ok_or(ApiError::Unavailable)?;
    applied.reply?;
    applied.record.ok_or(ApiError::RoomNotFound)
}

/// The token of an `Authorization: Bearer` header (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(axum::http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A body, unless it was too long or cut short.
type Body = Result<Bytes, BytesRejection>;

fn whole(app: &App, body: Body) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            app.refusals.count(Limit::BodyBytes);
            ApiError::BodyTooLarge
        }
        _ => invalid(&rejection.body_text()),
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body)).map_err(
        |error| {
            let problem = wire::without_value(error.inner());
            match error.path().to_string().as_str() {
                "." => invalid(&problem),
                path => invalid(&format!("{path}: {problem}")),
            }
        },
    )
}

fn named(language: Language, zh: &str, en: &str) -> DisplayName {
    let name = match language {
        Language::En => en,
        Language::Zh => zh,
    };
    DisplayName::parse(name).ok().flatten().expect("the default names are short and visible")
}

fn invalid(detail: &str) -> ApiError {
    ApiError::InvalidArgument(detail.to_owned())
}

/// What a request that succeeds is answered.
#[derive(Serialize, ToSchema)]
struct Success<T> {
    #[schema(schema_with = openapi::constant::<true>)]
    success: bool,
    data: T,
}

fn respond<T: Serialize>(result: Result<T, ApiError>, language: Language) -> Response {
    match result {
        Ok(data) => Json(Success { success: true, data }).into_response(),
        Err(error) => error.into_response(language),
    }
}

pub(crate) fn wall(at: SystemTime) -> Timestamp {
    Timestamp::from_millis(0) + at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// In whole seconds.
fn rfc3339(at: Timestamp) -> String {
    wire::rfc3339(Timestamp::from_millis(at.as_millis() / 1000 * 1000))
}
