//! Joining a room: who knows the password or has an invite gets a token for a seat.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use signal_core::{Admission, Applied, IdSuffix, Language, Op, Receipt, Ticket};
use utoipa::ToSchema;

use super::{
    Body, Success, field, invalid, named, parse, respond, rfc3339, seat_grant, taking_in, wall,
    whole,
};
use crate::app::App;
use crate::auth::opaque_token;
use crate::auth::ws_token::WsTokens;
use crate::documents::openapi::refusals;
use crate::http::Client;
use crate::http::error::ApiError;
use crate::http::language::{self, Preference};
use crate::http::room_path::{RoomName, RoomPath};
use crate::ice::IceServer;
use crate::limits::attempts::Guesses;

refusals!(
    InvalidArgument,
    RoomExpired,
    RoomFull,
    WrongPassword,
    InviteVoid,
    RoomLocked,
    RoomNotFound,
    BodyTooLarge,
    PasswordLocked,
    RateLimited,
    Unavailable,
);

/// What somebody shows; a password or an invite has to be there.
#[derive(Deserialize, ToSchema)]
struct JoinRequest {
    /// The room's.
    #[schema(example = "123456")]
    password: Option<String>,
    /// The room's; goes before a password, and costs no attempt.
    invite_token: Option<String>,
    /// What the others see; a name as that of a room, by default 访客 or Guest.
    #[schema(max_length = 32, example = "访客小红")]
    display_name: Option<String>,
}

/// Somebody who is let in.
#[derive(Serialize, ToSchema)]
#[schema(as = JoinedRoom)]
struct Joined {
    /// Unless somebody enters before; `joined` says which holds.
    #[schema(example = "p_zzzy0001")]
    participant_id: String,
    /// Opens a seat.
    ws_token: String,
    room_name: String,
    ice_servers: Vec<IceServer>,
    #[schema(format = DateTime)]
    token_expires_at: String,
}

/// Join a room
///
/// Without a login, by password or invite. It takes no seat: that happens when the socket opens. That a room has expired, is
/// full or locked is told only to those with the right password or invite.
#[utoipa::path(
    post,
    path = "/api/webrtc/rooms/{room_id}/join",
    tag = "rooms",
    operation_id = "join_room",
    params(RoomName, Preference),
    request_body = JoinRequest,
    responses((status = 200, description = "A token for a seat", body = Success<Joined>), Refusals)
)]
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
    let name = field::display_name("display_name", request.display_name.as_deref())?;
    let (id, by) = match (room.0, request.invite_token, request.password) {
        (_, None, None) => return Err(invalid("missing field `password`")),
        (None, Some(_), _) | (None, None, Some(_)) => {
            return Err(guesses.failed(ApiError::RoomNotFound));
        }
        (Some(id), Some(token), _) => (id, Admission::Invite(opaque_token::hash(&token))),
        (Some(id), None, Some(password)) => {
            guesses.check()?;
            (id, Admission::Password(app.password_tag(id, &password)))
        }
    };
    let admit = Op::Admit { by, suffix: IdSuffix::new(rand::random()) };
    let mut refusal = None;
    let at_once =
        |applied: &Applied| refusal = applied.reply.err().and_then(|reject| guesses.judge(reject));
    let applied =
        app.shards.of(id).apply(id, &admit, at_once).await.ok_or(ApiError::Unavailable)?;
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
        ice_servers: app.ice.for_participant(&room, guest).await.servers,
        token_expires_at: rfc3339(wall(token_expires)),
    })
}
