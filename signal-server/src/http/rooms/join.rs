//! Joins a room: a client with the password or an invite gets a token for a seat.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::{Admission, Applied, IceServer, IdSuffix, Op, Receipt, Reject, Ticket};

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
use crate::limits::fixed_window::RateLimited;
use crate::limits::rates::Rates;
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
    password: Option<String>,
    /// The room's invite token. It takes precedence over a password, and a wrong one does not count
    /// as a failed attempt.
    invite_token: Option<String>,
    /// The name that others see, with the rules of a room's name. By default it is 访客 or Guest.
    #[cfg_attr(feature = "documents", schema(max_length = 32, example = "访客小红"))]
    display_name: Option<String>,
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
        schema(value_type = Vec<crate::http::schema::IceServer>)
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
    let name = field::display_name("display_name", request.display_name.as_deref())?;
    let (id, by) = match (room, request.invite_token, request.password) {
        (_, None, None) => return Err(invalid("missing field `password`")),
        (None, Some(_), _) | (None, None, Some(_)) => {
            app.rates.count_failed_attempt(client)?;
            return Err(Reject::RoomNotFound.into());
        }
        (Some(id), Some(token), _) => (id, Admission::Invite(opaque_token::hash(&token))),
        (Some(id), None, Some(password)) => {
            app.rates.check_attempt(client)?;
            (id, Admission::Password(app.rooms.password_tag(id, &password)))
        }
    };
    let admit = Op::Admit { by, suffix: IdSuffix::new(rand::random()) };
    // The attempt is counted before the disk write completes, so that no guesses pass uncounted
    // meanwhile.
    let mut counted = Ok(());
    let count = |applied: &Applied| {
        if let Err(reject) = applied.reply {
            counted = count_attempt(&app.rates, client, reject);
        }
    };
    let applied = app.rooms.apply_seen(id, &admit, count).await?;
    counted?;
    let receipt = applied.reply?;
    app.rates.count_join(client)?;
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

/// Counts an attempt that the room refused. An error of this function replaces the room's own.
fn count_attempt(
    rates: &Rates,
    client: Option<ClientAddress>,
    reject: Reject,
) -> Result<(), RateLimited> {
    match reject {
        Reject::RoomNotFound | Reject::WrongPassword => rates.count_failed_attempt(client),
        // Invites are too long to guess, so a wrong one is not counted, and neither is a closed
        // room. An address over its limit learns nothing from them all the same.
        Reject::InviteVoid | Reject::RoomClosed => rates.check_attempt(client),
        // These occur only with the right password or invite, or reveal nothing about either.
        Reject::CreatorStays
        | Reject::GrantVoid
        | Reject::IdsExhausted
        | Reject::ParticipantNotFound
        | Reject::PasswordLocked
        | Reject::PasswordUnchanged
        | Reject::ResumeFailed
        | Reject::RoomExpired
        | Reject::RoomFull
        | Reject::RoomLocked
        | Reject::RotationStale
        | Reject::RotationsExhausted => Ok(()),
    }
}
