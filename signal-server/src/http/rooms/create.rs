//! Creating a room.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use signal_core::{Capacity, DisplayName, Language, Ticket};
use utoipa::ToSchema;

use super::summary::OnLeave;
use super::{
    Body, Success, authenticate, creator_name, field, parse, respond, rfc3339, seat_grant,
    taking_in, wall, whole,
};
use crate::app::App;
use crate::auth::ws_token::WsTokens;
use crate::documents::openapi::refusals;
use crate::http::error::ApiError;
use crate::http::language::{self, Preference};
use crate::ice::IceServer;
use crate::limits::Limit;
use crate::rooms::creation::Opening;
use crate::rooms::credentials::{RoomPass, Wanted};
use crate::rooms::lifetime::Lifetime;

refusals!(
    InvalidArgument,
    Unauthorized,
    BodyTooLarge,
    RateLimited,
    StorageUnavailable,
    Unavailable,
);

/// What the room is to be like.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = NewRoom)]
struct CreateRequest {
    /// What people call it; by default after the creator. Normalized (NFC) and trimmed, without characters that do not
    /// show, it may have 32 characters as people see them, and 128 bytes.
    #[schema(max_length = 32, example = "小明的房间")]
    name: Option<String>,
    /// By default 6 random digits.
    #[schema(pattern = "^[!-~]{6}$", example = "123456")]
    password: Option<String>,
    /// How many fit, the creator included.
    #[schema(minimum = 1, maximum = 50, default = 10)]
    #[serde(default, deserialize_with = "field::whole_number")]
    max_participants: Option<i64>,
    /// How long it lasts.
    #[schema(minimum = 1, maximum = 1440, default = 120)]
    #[serde(default, deserialize_with = "field::whole_number")]
    expires_minutes: Option<i64>,
    /// By default `close`.
    on_creator_leave: Option<OnLeave>,
}

/// A new room, its password and invite, and a seat for its creator.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedRoom)]
struct Created {
    #[schema(example = "ABC234")]
    room_id: String,
    name: String,
    max_participants: u8,
    #[schema(format = DateTime)]
    expires_at: String,
    /// Of the creator's seat, unless somebody enters before; `joined` says which holds.
    #[schema(example = "p_zzzz0000")]
    participant_id: String,
    /// Opens the creator's seat, as the access token does.
    ws_token: String,
    #[schema(format = DateTime)]
    token_expires_at: String,
    ice_servers: Vec<IceServer>,
    #[serde(flatten)]
    pass: RoomPass,
}

/// Create a room
///
/// The body may be empty; every field is optional, and `null` counts as not given.
#[utoipa::path(
    post,
    path = "/api/webrtc/rooms",
    tag = "rooms",
    operation_id = "create_room",
    params(Preference),
    request_body = Option<CreateRequest>,
    security(("access_token" = [])),
    responses((status = 200, description = "The room, with its password and the creator's seat", body = Success<Created>), Refusals)
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
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
    app.creates
        .take(user.subject.clone())
        .inspect_err(|_| app.refusals.count(Limit::CreatesPerMinute))?;
    let body = whole(app, body)?;
    let request: Option<CreateRequest> = if body.is_empty() { None } else { parse(&body)? };
    let request = request.unwrap_or_default();
    let capacity = match request.max_participants {
        None => Capacity::default(),
        Some(number) => field::capacity(number)?,
    };
    let lifetime = match request.expires_minutes {
        None => Lifetime::default(),
        Some(minutes) => field::lifetime(minutes)?,
    };
    let creator = creator_name(&user, language);
    let name = match field::display_name("name", request.name.as_deref())? {
        Some(name) => name.to_string(),
        None => default_room_name(&creator, language),
    };
    let password = match request.password {
        None => Wanted::Random,
        Some(password) => Wanted::This(field::password("password", password)?),
    };
    let on_creator_leave = request.on_creator_leave.unwrap_or_default().into();
    let opening =
        Opening { name, creator: user.subject, password, capacity, lifetime, on_creator_leave };
    let (room, pass) = opening.open(app).await?;
    let token_expires = SystemTime::now() + WsTokens::LIFETIME;
    let grant = seat_grant(&room, Ticket::Creator, creator);
    Ok(Created {
        room_id: room.id().to_string(),
        name: room.name().to_owned(),
        max_participants: room.capacity().participants(),
        expires_at: rfc3339(room.expires_at()),
        participant_id: room.creator_id().to_string(),
        ws_token: app.ws_tokens.mint(&grant, token_expires),
        token_expires_at: rfc3339(wall(token_expires)),
        ice_servers: app.ice.for_participant(&room, room.creator_id()).await.servers,
        pass,
    })
}

fn default_room_name(creator: &DisplayName, language: Language) -> String {
    match language {
        Language::En => format!("{creator}'s room"),
        Language::Zh => format!("{creator}的房间"),
    }
}
