//! Creating a room.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use signal_core::{Capacity, DisplayName, IdSuffix, Language, NewRoom, OnCreatorLeave, Room, RoomId, Ticket};

use super::{
    Body, authenticate, creator_name, display_name, invalid, parse, respond, rfc3339, seat_grant, taking_in,
    wall, whole,
};
use crate::app::App;
use crate::error::ApiError;
use crate::language;
use crate::limits::Limit;
use crate::opaque_token;
use crate::shard::CreateError;
use crate::token::WsTokens;
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
            created_at: now,
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

fn default_room_name(creator: &DisplayName, language: Language) -> String {
    match language {
        Language::En => format!("{creator}'s room"),
        Language::Zh => format!("{creator}的房间"),
    }
}

fn is_password(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

const DEFAULT_MINUTES: i64 = 120;
const MAX_MINUTES: i64 = 1440;
/// A room may be over at any time; soon enough to find out.
const OPEN_ROOMS_RETRY: Duration = Duration::from_secs(60);
