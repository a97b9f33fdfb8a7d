//! Joins a room: a client with the password or an invite gets a token for a seat.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::ice::IceServer;
use signal_core::room::{
    Admission, CloseReason, IdSuffix, Op, Receipt, Reject, Room, Status, TokenHash,
};
use signal_core::store::Applied;
use signal_core::typed::parse_password;
use signal_core::wire::TypedText;
use signal_core::{DisplayName, ParticipantId, RoomId};

use super::field;
use crate::app::App;
use crate::auth::opaque_token;
use crate::auth::ws_token::WsTokens;
use crate::client_address::ClientAddress;
use crate::clock::to_timestamp;
use crate::http::authentication::{Accepting, LoginParts};
use crate::http::body::JsonBody;
use crate::http::client::Client;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::RoomPath;
use crate::http::response::{Success, rfc3339};
use crate::limits::attempts::JoinAttempts;
use crate::limits::fixed_window::RateLimited;
use crate::rooms::admit::{JoinDecision, JoinPolicy, JoinRequest};
use crate::rooms::mint::MintToken;
use crate::rooms::names;
use crate::shard::room_ref::RoomRef;

error_responses!(
    InvalidArgument,
    Forbidden,
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
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = JoinRequest))]
struct JoinBody {
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

/// The response to a client that is admitted.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = JoinedRoom))]
pub(crate) struct Joined {
    /// The participant id. It changes if somebody enters first; the id in `joined` is
    /// authoritative.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    participant_id: String,
    /// The token that opens a socket in the room.
    ws_token: String,
    /// The name of the room.
    room_name: String,
    /// ICE servers for the participant, with credentials.
    #[cfg_attr(
        feature = "documents",
        schema(value_type = Vec<crate::http::schema::IceServerJson>)
    )]
    ice_servers: Vec<IceServer>,
    /// When `ws_token` expires.
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
    request_body = JoinBody,
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
    login: LoginParts,
    body: JsonBody,
) -> Result<Success<Joined>, ApiError> {
    let request: JoinBody = body.parse_or_default()?;
    let name = field::display_name("display_name", request.display_name.as_ref())?;
    let name = name.unwrap_or_else(|| names::guest(language));
    let credential = request.credential();
    if credential.is_none() && app.access.join_policy.is_none() {
        return Err(no_credential());
    }
    // A malformed room id does not count as an attempt to find a room.
    let id = room.ok_or(Reject::RoomNotFound)?;
    let counted = app.rates.count_join(client, id)?;
    let (room, guest, token) = match &app.access.join_policy {
        None => {
            let decision = JoinDecision::AskPassword(MintToken::new(name));
            counted.during(admit(&app, id.into(), decision, credential, client)).await?
        }
        Some(policy) => {
            // Once the host application is asked, the join counts, whatever it and the room decide.
            let decided = counted.during(decide(&app, policy, id, name, &login, client));
            let (decision, room) = decided.await?;
            admit(&app, room, decision, credential, client).await?
        }
    };
    let token_expires = SystemTime::now() + token.lifetime.min(WsTokens::LIFETIME);
    let grant = match app.rooms.grant_seat(&room, token, Some(guest)) {
        // The user is banned, or was kicked from the seat.
        Err(Reject::GrantVoid) => return Err(ApiError::Forbidden),
        grant => grant?,
    };
    tracing::debug!(room = %id, participant = %guest, "admitted");
    Ok(Success::new(Joined {
        participant_id: guest.to_string(),
        ws_token: app.access.ws_tokens.mint(&grant, token_expires),
        room_name: room.name().to_owned(),
        ice_servers: app.ice.for_participant(&room, guest).await.servers,
        token_expires_at: rfc3339(to_timestamp(token_expires)),
    }))
}

/// Has the host application decide on a join.
///
/// The decision is for the returned room, not for a later one with its id.
///
/// # Errors
///
/// The host application is not asked, or does not decide.
async fn decide(
    app: &App,
    policy: &JoinPolicy,
    room: RoomId,
    name: DisplayName,
    login: &LoginParts,
    client: Option<ClientAddress>,
) -> Result<(JoinDecision, RoomRef), ApiError> {
    app.attempts.check(client)?;
    let Some(record) = app.rooms.get(room) else {
        app.attempts.count_unknown_room(client)?;
        return Err(Reject::RoomNotFound.into());
    };
    match record.status() {
        Status::Open | Status::Closed(CloseReason::Expired) => {}
        Status::Closed(_) => return Err(Reject::RoomNotFound.into()),
    }
    let request = JoinRequest { room: &record, name: &name, login: login.request(None) };
    let decision = policy.decide(request, client).await;
    let decision = match &decision {
        JoinDecision::Unavailable => return Err(ApiError::Unavailable),
        // No participant id is issued to a user that could not enter.
        JoinDecision::Admit(token) | JoinDecision::AskPassword(token) => {
            match app.rooms.grant_seat(&record, token.clone(), None) {
                Err(Reject::GrantVoid) => JoinDecision::Refuse,
                Ok(_) | Err(_) => decision,
            }
        }
        JoinDecision::Refuse => decision,
    };
    Ok((decision, RoomRef::from(&record)))
}

/// Has the room admit a guest as it was decided. Returns the room after it, and the guest's id and
/// token.
async fn admit(
    app: &App,
    room: RoomRef,
    decision: JoinDecision,
    credential: Option<Credential>,
    client: Option<ClientAddress>,
) -> Result<(Arc<Room>, ParticipantId, MintToken), ApiError> {
    let id = room.id;
    let (by, token) = match decision {
        JoinDecision::Admit(token) => (Admission::Host { passes_lock: token.passes_lock }, token),
        JoinDecision::AskPassword(token) => {
            (credential.ok_or_else(no_credential)?.admission(app, id, client)?, token)
        }
        JoinDecision::Refuse => return Err(ApiError::Forbidden),
        JoinDecision::Unavailable => return Err(ApiError::Unavailable),
    };
    let tags = app.rooms.client(id, client);
    let admit = Op::Admit { by, client: tags, suffix: IdSuffix::new(rand::random()) };
    let mut counted = Ok(());
    let count = |applied: &Applied| counted = count_attempt(&app.attempts, client, id, by, applied);
    let applied = app.rooms.apply_seen(room, &admit, count).await?;
    counted?;
    match (applied.reply?, applied.record) {
        (Receipt::Entered { id }, Some(room)) => Ok((room, id, token)),
        (Receipt::Done | Receipt::Entered { .. } | Receipt::Resumed { .. }, _) => {
            Err(ApiError::Unavailable)
        }
    }
}

fn no_credential() -> ApiError {
    invalid("missing field `password`")
}

/// What a client presents to join.
enum Credential {
    Invite(TokenHash),
    Password(String),
}

impl JoinBody {
    fn credential(&self) -> Option<Credential> {
        if let Some(token) = &self.invite_token {
            return Some(Credential::Invite(opaque_token::hash(token)));
        }
        Some(Credential::Password(self.password.as_ref()?.with_replacements()))
    }
}

impl Credential {
    /// Counts a password as an attempt before it is compared.
    fn admission(
        self,
        app: &App,
        room: RoomId,
        client: Option<ClientAddress>,
    ) -> Result<Admission, ApiError> {
        let typed = match self {
            Self::Invite(token) => return Ok(Admission::Invite(token)),
            Self::Password(typed) => typed,
        };
        let Some(password) = parse_password(&typed) else {
            return Err(impossible_password(app, room, client));
        };
        app.attempts.take(client, room)?;
        Ok(Admission::Password(app.rooms.password_tag(room, &password)))
    }
}

/// The response to a password that no room can have. It does not count as an attempt, unless the
/// room is unknown.
fn impossible_password(app: &App, room: RoomId, client: Option<ClientAddress>) -> ApiError {
    if let Err(limited) = app.attempts.check(client) {
        return limited.into();
    }
    match app.rooms.get(room).map(|room| room.status()) {
        Some(Status::Open | Status::Closed(CloseReason::Expired)) => Reject::WrongPassword.into(),
        Some(Status::Closed(_)) => Reject::RoomNotFound.into(),
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
        (Admission::Host { .. } | Admission::Invite(_), _) => {}
    }
    match applied.reply {
        Err(Reject::RoomNotFound) => attempts.count_unknown_room(client),
        // Invites are too long to guess, so a wrong one is not counted, and neither is a closed
        // room. An address over its limit gets the same error as otherwise.
        Err(Reject::InviteVoid | Reject::RoomClosed) => attempts.check(client),
        Ok(_) | Err(_) => Ok(()),
    }
}
