//! The HTTP requests: create, join and close a room.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use signal_core::{
    Admission, Applied, Capacity, CloseReason, DisplayName, Grant, IdSuffix, Language, NewRoom,
    OnCreatorLeave, Op, Receipt, Room, RoomId, Status, Ticket, Timestamp, wire,
};

use crate::app::App;
use crate::error::ApiError;
use crate::guesses::Guesses;
use crate::http::Client;
use crate::identity::User;
use crate::language;
use crate::limits::Limit;
use crate::opaque_token;
use crate::room_path::RoomPath;
use crate::shard::CreateError;
use crate::token::{SeatGrant, TokenError, WsTokens};
use crate::turn::IceServer;

#[derive(Default, Deserialize)]
struct CreateRequest {
    name: Option<String>,
    password: Option<String>,
    max_participants: Option<i64>,
    expires_minutes: Option<i64>,
}

#[derive(Serialize)]
struct Created {
    room_id: String,
    password: String,
    name: String,
    max_participants: u8,
    expires_at: String,
    participant_id: String,
    ws_token: String,
    token_expires_at: String,
    ice_servers: Vec<IceServer>,
    invite_token: String,
}

/// `POST /api/webrtc/rooms`
pub(crate) async fn create(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    let language = language::preferred(&headers);
    respond(create_room(&app, &headers, body, language).await, language)
}

async fn create_room(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    language: Language,
) -> Result<Created, ApiError> {
    taking_in(app)?;
    let user = authenticate(app, headers).await?;
    app.creates.take(user.subject.clone()).inspect_err(|_| app.refusals.count(Limit::CreatesPerMinute))?;
    let body = whole(app, body)?;
    let request: CreateRequest = if body.is_empty() { CreateRequest::default() } else { parse(&body)? };
    let capacity = match request.max_participants {
        None => Capacity::default(),
        Some(number) => u8::try_from(number)
            .ok()
            .and_then(|number| Capacity::new(number).ok())
            .ok_or_else(|| invalid("max_participants: expected 1 to 50"))?,
    };
    let minutes = match request.expires_minutes {
        None => DEFAULT_MINUTES,
        Some(minutes @ 1..=MAX_MINUTES) => minutes,
        Some(_) => return Err(invalid("expires_minutes: expected 1 to 1440")),
    };
    let creator = creator_name(&user, language);
    let name = match display_name("name", request.name.as_deref())? {
        Some(name) => name.to_string(),
        None => default_room_name(&creator, language),
    };
    let password = match request.password {
        None => format!("{:06}", rand::random_range(0..1_000_000)),
        Some(password) if is_password(&password) => password,
        Some(_) => return Err(invalid("password: expected 6 characters from ! to ~")),
    };

    let now = app.clock.now();
    let (invite_token, invite) = opaque_token::invite();
    let room = loop {
        let id = RoomId::from_indices(std::array::from_fn(|_| rand::random_range(0..31)));
        let new = NewRoom {
            id,
            epoch: rand::random(),
            name: name.clone(),
            creator: user.subject.clone(),
            password: app.password_tag(id, &password),
            invite,
            capacity,
            expires_at: now + Duration::from_secs(60 * minutes.unsigned_abs()),
            on_creator_leave: OnCreatorLeave::Close,
            suffix: IdSuffix::new(rand::random()),
        };
        let Some(place) = app.open_rooms.enter(user.subject.clone(), app.limits.open_rooms) else {
            app.refusals.count(Limit::OpenRooms);
            return Err(ApiError::RateLimited { retry_after: OPEN_ROOMS_RETRY });
        };
        match app.shards.of(id).create(Room::create(new), place).await {
            Ok(room) => break room,
            Err(CreateError::IdTaken(_)) => {}
            Err(CreateError::NotSaved(_)) => return Err(ApiError::StorageUnavailable),
            Err(CreateError::Stopping) => return Err(ApiError::Unavailable),
        }
    };
    tracing::info!(room = %room.id(), max_participants = capacity.participants(), minutes, "room created");
    let token_expires = SystemTime::now() + WsTokens::LIFETIME;
    let grant = seat_grant(&room, Ticket::Creator, creator);
    Ok(Created {
        room_id: room.id().to_string(),
        password,
        name,
        max_participants: capacity.participants(),
        expires_at: rfc3339(room.expires_at()),
        participant_id: room.creator_id().to_string(),
        ws_token: app.ws_tokens.mint(&grant, token_expires),
        token_expires_at: rfc3339(wall(token_expires)),
        ice_servers: app.ice_servers.for_participant(&room, room.creator_id()),
        invite_token,
    })
}

#[derive(Deserialize)]
struct JoinRequest {
    password: Option<String>,
    invite_token: Option<String>,
    display_name: Option<String>,
}

#[derive(Serialize)]
struct Joined {
    participant_id: String,
    ws_token: String,
    room_name: String,
    ice_servers: Vec<IceServer>,
    token_expires_at: String,
}

/// `POST /api/webrtc/rooms/{room_id}/join`
pub(crate) async fn join(
    State(app): State<Arc<App>>,
    room: RoomPath,
    client: Client,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let language = language::preferred(&headers);
    respond(join_room(&app, &room, client, body, language).await, language)
}

async fn join_room(
    app: &App,
    room: &RoomPath,
    client: Client,
    body: Body,
    language: Language,
) -> Result<Joined, ApiError> {
    taking_in(app)?;
    let guesses = Guesses { app, client };
    let request: JoinRequest = parse(&whole(app, body)?)?;
    let name = display_name("display_name", request.display_name.as_deref())?;
    let Some(id) = room.0 else { return Err(guesses.failed(ApiError::RoomNotFound)) };
    let by = match (request.invite_token, request.password) {
        (Some(token), _) => Admission::Invite(opaque_token::hash(&token)),
        (None, Some(password)) => {
            guesses.check()?;
            Admission::Password(app.password_tag(id, &password))
        }
        (None, None) => return Err(invalid("missing field `password`")),
    };
    let admit = Op::Admit { by, suffix: IdSuffix::new(rand::random()) };
    let mut refusal = None;
    let at_once = |applied: &Applied| refusal = applied.reply.err().and_then(|reject| guesses.judge(reject));
    let applied = app.shards.of(id).apply(id, &admit, at_once).await.ok_or(ApiError::Unavailable)?;
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let receipt = applied.reply?;
    guesses.count_join()?;
    let (room, guest) = match (receipt, applied.record) {
        (Receipt::Entered { id }, Some(room)) => (room, id),
        (Receipt::Done | Receipt::Entered { .. } | Receipt::Resumed { .. }, _) => {
            return Err(ApiError::Unavailable);
        }
    };
    tracing::debug!(room = %id, participant = %guest, "admitted");
    let token_expires = SystemTime::now() + WsTokens::LIFETIME;
    let name = name.unwrap_or_else(|| named(language, "访客", "Guest"));
    let grant = seat_grant(&room, Ticket::Guest(guest), name);
    Ok(Joined {
        participant_id: guest.to_string(),
        ws_token: app.ws_tokens.mint(&grant, token_expires),
        room_name: room.name().to_owned(),
        ice_servers: app.ice_servers.for_participant(&room, guest),
        token_expires_at: rfc3339(wall(token_expires)),
    })
}

/// `DELETE /api/webrtc/rooms/{room_id}`
pub(crate) async fn close(State(app): State<Arc<App>>, room: RoomPath, headers: HeaderMap) -> Response {
    let language = language::preferred(&headers);
    respond(close_room(&app, &room, &headers).await, language)
}

async fn close_room(app: &App, room: &RoomPath, headers: &HeaderMap) -> Result<serde_json::Value, ApiError> {
    let user = authenticate(app, headers).await?;
    let id = room.0.ok_or(ApiError::RoomNotFound)?;
    let shard = app.shards.of(id);
    let room = shard.room(id).ok_or(ApiError::RoomNotFound)?;
    let is_creator = room.creator() == user.subject;
    match room.status() {
        Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => return Err(ApiError::RoomNotFound),
        Status::Closed(CloseReason::Expired) if is_creator => return Err(ApiError::RoomExpired),
        Status::Closed(CloseReason::Expired) | Status::Open => {}
    }
    if !is_creator {
        return Err(ApiError::Forbidden);
    }
    let close = Op::Close(CloseReason::ByCreator);
    shard.apply(id, &close, |_| {}).await.ok_or(ApiError::Unavailable)?.reply?;
    tracing::info!(room = %id, "room closed by its creator");
    Ok(json!({"room_id": id.to_string()}))
}

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
    app.identity.verify(token).await.map_err(|error| match error {
        TokenError::Expired | TokenError::Invalid => ApiError::Unauthorized,
        TokenError::Unverifiable => ApiError::Unavailable,
    })
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
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body))
        .map_err(|error| invalid(&error.to_string()))
}

fn display_name(field: &str, typed: Option<&str>) -> Result<Option<DisplayName>, ApiError> {
    let Some(typed) = typed else { return Ok(None) };
    DisplayName::parse(typed).map_err(|error| invalid(&format!("{field}: {error}")))
}

fn named(language: Language, zh: &str, en: &str) -> DisplayName {
    let name = match language {
        Language::En => en,
        Language::Zh => zh,
    };
    DisplayName::parse(name).ok().flatten().expect("the default names are short and visible")
}

fn default_room_name(creator: &DisplayName, language: Language) -> String {
    match language {
        Language::En => format!("{creator}'s room"),
        Language::Zh => format!("{creator}的房间"),
    }
}

fn is_password(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

fn invalid(detail: &str) -> ApiError {
    ApiError::InvalidArgument(detail.to_owned())
}

fn respond<T: Serialize>(result: Result<T, ApiError>, language: Language) -> Response {
    match result {
        Ok(data) => Json(json!({"success": true, "data": data})).into_response(),
        Err(error) => error.into_response(language),
    }
}

fn wall(at: SystemTime) -> Timestamp {
    Timestamp::from_millis(0) + at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// In whole seconds.
fn rfc3339(at: Timestamp) -> String {
    wire::rfc3339(Timestamp::from_millis(at.as_millis() / 1000 * 1000))
}

const DEFAULT_MINUTES: i64 = 120;
const MAX_MINUTES: i64 = 1440;
/// A room may be over at any time; soon enough to find out.
const OPEN_ROOMS_RETRY: Duration = Duration::from_secs(60);
