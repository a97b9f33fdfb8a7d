//! Joins a room: a client with the password or an invite gets a token for a seat.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::wire::TypedText;
use signal_core::{
    Admission, Applied, CloseReason, IceServer, IdSuffix, Op, Receipt, Reject, RoomId, Status,
    Ticket, TokenHash, parse_password,
};

use super::field;
use crate::app::App;
use crate::auth::opaque_token;
use crate::auth::ws_token::{SeatGrant, WsTokens};
use crate::client_address::ClientAddress;
use crate::clock::to_timestamp;
use crate::http::authentication::Accepting;
use crate::http::body::JsonBody;
use crate::http::client::Client;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::RoomPath;
use crate::http::response::{Success, rfc3339};
use crate::limits::attempts::JoinAttempts;
use crate::limits::fixed_window::RateLimited;
use crate::rooms::names;

error_responses!(
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

/// The request to join. Either `password` or `invite_token` is required.
#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
struct JoinRequest {
    /// The room's password.
    #[cfg_attr(feature = "documents", schema(example = "123456"))]
    #[cfg_attr(feature = "documents", schema(value_type = Option<String>))]
    password: Option<TypedText>,
    /// The room's invite token. It takes precedence over a password, and a wrong one does not count
    /// as a failed attempt.
    invite_token: Option<String>,
    /// The name that others see, with the rules of a room's name. By default it is 访客 or Guest.
    #[cfg_attr(feature = "documents", schema(max_length = 32, example = "访客小红"))]
    #[cfg_attr(feature = "documents", schema(value_type = Option<String>))]
    display_name: Option<TypedText>,
}

/// The answer to a client that is admitted.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = JoinedRoom))]
pub(crate) struct Joined {
    /// The participant id. It changes if somebody enters first; the id in `joined` is
    /// authoritative.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    participant_id: String,
    /// Opens a socket in the room.
    ws_token: String,
    room_name: String,
    #[cfg_attr(
        feature = "documents",
        schema(value_type = Vec<crate::http::schema::IceServerJson>)
    )]
    ice_servers: Vec<IceServer>,
    #[cfg_attr(feature = "documents", schema(format = DateTime))]
    token_expires_at: String,
}

/// Join a room
///
/// Needs no login, only the password or an invite. The seat is taken later, when the socket opens.
/// Only clients with the right password or invite learn that the room has expired, is full or is
/// locked.
#[cfg_attr(feature = "documents", utoipa::path(
    post,
    path = "/api/webrtc/rooms/{room_id}/join",
    tag = "rooms",
    operation_id = "join_room",
    params(RoomPath, PreferredLanguage),
    request_body = JoinRequest,
    responses(
        (status = 200, description = "A token for a seat", body = Success<Joined>),
        ErrorResponses
    )
))]
pub(crate) async fn join(
    State(app): State<Arc<App>>,
    _: Accepting,
    RoomPath(room): RoomPath,
    Client(client): Client,
    PreferredLanguage(language): PreferredLanguage,
    body: JsonBody,
) -> Result<Success<Joined>, ApiError> {
    let request: JoinRequest = body.parse()?;
    let name = field::display_name("display_name", request.display_name.as_ref())?;
    let credential = match (request.invite_token, request.password) {
        (None, None) => return Err(invalid("missing field `password`")),
        (Some(token), _) => Credential::Invite(opaque_token::hash(&token)),
        (None, Some(password)) => Credential::Password(password.with_replacements()),
    };
    // A malformed room id does not count as an attempt to find a room.
    let id = room.ok_or(Reject::RoomNotFound)?;
    let counted_join = app.rates.count_join(client, id)?;
    let by = match credential {
        Credential::Invite(token) => Admission::Invite(token),
        Credential::Password(typed) => match parse_password(&typed) {
            Some(password) => {
                app.attempts.take(client, id)?;
                Admission::Password(app.rooms.password_tag(id, &password))
            }
            None => return Err(impossible_password(&app, id, client)),
        },
    };
    let tags = app.rooms.client(id, client);
    let admit = Op::Admit { by, client: tags, suffix: IdSuffix::new(rand::random()) };
    let mut counted = Ok(());
    let count = |applied: &Applied| counted = count_attempt(&app.attempts, client, id, by, applied);
    let applied = app.rooms.apply_seen(id, &admit, count).await?;
    counted?;
    let receipt = applied.reply?;
    counted_join.keep();
    let (room, guest) = match (receipt, applied.record) {
        (Receipt::Entered { id }, Some(room)) => (room, id),
        (Receipt::Done | Receipt::Entered { .. } | Receipt::Resumed { .. }, _) => {
            return Err(ApiError::Unavailable);
        }
    };
    tracing::debug!(room = %id, participant = %guest, "admitted");
    let token_expires = SystemTime::now() + WsTokens::LIFETIME;
    let name = name.unwrap_or_else(|| names::guest(language));
    let grant = SeatGrant::new(&room, Ticket::Guest(guest), name);
    Ok(Success::new(Joined {
        participant_id: guest.to_string(),
        ws_token: app.access.ws_tokens.mint(&grant, token_expires),
        room_name: room.name().to_owned(),
        ice_servers: app.ice.for_participant(&room, guest).await.servers,
        token_expires_at: rfc3339(to_timestamp(token_expires)),
    }))
}

/// What a client presents to join.
enum Credential {
    Invite(TokenHash),
    Password(String),
}

/// The answer to a password that no room can have. It does not count as an attempt, unless the room
/// is unknown.
fn impossible_password(app: &App, room: RoomId, client: Option<ClientAddress>) -> ApiError {
    if let Err(limited) = app.attempts.check(client) {
        return limited.into();
    }
    match app.rooms.get(room).map(|room| room.status()) {
        Some(Status::Open | Status::Closed(CloseReason::Expired)) => Reject::WrongPassword.into(),
        Some(Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator)) => {
            Reject::RoomNotFound.into()
        }
        None => match app.attempts.count_unknown_room(client) {
            Ok(()) => Reject::RoomNotFound.into(),
            Err(limited) => limited.into(),
        },
    }
}

/// Counts an attempt at the moment of the room's decision. An error of this function replaces that
/// of the room.
fn count_attempt(
    attempts: &JoinAttempts,
    client: Option<ClientAddress>,
    room: RoomId,
    by: Admission,
    applied: &Applied,
) -> Result<(), RateLimited> {
    // A password was counted before it was compared.
    match (by, applied.reply) {
        (Admission::Password(_), Err(Reject::WrongPassword)) => return Ok(()),
        (Admission::Password(_), _) => attempts.give_back(client, room),
        (Admission::Invite(_), _) => {}
    }
    match applied.reply {
        Err(Reject::RoomNotFound) => attempts.count_unknown_room(client),
        // Invites are too long to guess, so a wrong one is not counted, and neither is a closed
        // room. An address over its limit gets the same error as otherwise.
        Err(Reject::InviteVoid | Reject::RoomClosed) => attempts.check(client),
        Ok(_) | Err(_) => Ok(()),
    }
}
