//! Creates a room.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::ice::IceServer;
use signal_core::identity::Attributes;
use signal_core::room::Capacity;
use signal_core::wire::TypedText;

use super::field;
use super::summary::OnCreatorLeaveJson;
use crate::app::App;
use crate::auth::ws_token::{SeatGrant, WsTokens};
use crate::clock::to_timestamp;
use crate::http::authentication::{Accepting, Caller};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::response::{Success, rfc3339};
use crate::rooms::creation::CreateParams;
use crate::rooms::credentials::{PasswordChoice, RoomCredentials};
use crate::rooms::lifetime::Lifetime;
use crate::rooms::names;

error_responses!(
    InvalidArgument,
    Unauthorized,
    Forbidden,
    BodyTooLarge,
    RateLimited,
    StorageUnavailable,
    Unavailable,
);

/// The settings of the new room.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = NewRoom))]
struct CreateRequest {
    /// The name to show. By default it is made from the creator's name. It is normalized (NFC),
    /// trimmed and stripped of invisible characters, and may then have 32 visible characters and
    /// 128 bytes.
    #[cfg_attr(feature = "documents", schema(max_length = 32, example = "小明的房间"))]
    #[cfg_attr(feature = "documents", schema(value_type = Option<String>))]
    name: Option<TypedText>,
    /// The password. By default it is 6 random digits.
    #[cfg_attr(feature = "documents", schema(pattern = "^[!-~]{6}$", example = "123456"))]
    password: Option<String>,
    /// How many participants the room can hold, including the creator.
    #[cfg_attr(feature = "documents", schema(minimum = 1, maximum = 50, default = 10))]
    #[serde(default, deserialize_with = "field::whole_number")]
    max_participants: Option<i64>,
    /// How many minutes the room lasts.
    #[cfg_attr(feature = "documents", schema(minimum = 1, maximum = 1440, default = 120))]
    #[serde(default, deserialize_with = "field::whole_number")]
    expires_minutes: Option<i64>,
    /// What happens when the creator leaves. By default it is `close`.
    on_creator_leave: Option<OnCreatorLeaveJson>,
}

/// A new room, its password and invite, and a seat for its creator.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = CreatedRoom))]
pub(crate) struct Created {
    /// The room id.
    #[cfg_attr(feature = "documents", schema(example = "ABC234"))]
    room_id: String,
    /// The name of the room.
    name: String,
    /// How many participants the room can hold, including the creator.
    max_participants: u16,
    /// When the room ends.
    #[cfg_attr(feature = "documents", schema(format = DateTime))]
    expires_at: String,
    /// The creator's participant id. It changes if somebody enters first; the id in `joined` is
    /// authoritative.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzz0000"))]
    participant_id: String,
    /// The token that opens a socket for the creator, as the access token does too.
    ws_token: String,
    /// When `ws_token` expires.
    #[cfg_attr(feature = "documents", schema(format = DateTime))]
    token_expires_at: String,
    /// ICE servers for the creator, with credentials.
    #[cfg_attr(
        feature = "documents",
        schema(value_type = Vec<crate::http::schema::IceServerJson>)
    )]
    ice_servers: Vec<IceServer>,
    /// The password, which has six characters.
    #[cfg_attr(feature = "documents", schema(example = "123456"))]
    password: String,
    /// The invite token, which opens the room without the password.
    invite_token: String,
    /// A link with the invite in its fragment, if the server knows its public URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "documents",
        schema(nullable = false, example = "https://example.com/join/ABC234#MTI4IHJhbmRvbSBiaXRz")
    )]
    join_url: Option<String>,
}

/// Create a room
///
/// The body may be empty. Every field is optional, and `null` means absent.
#[cfg_attr(feature = "documents", utoipa::path(
    post,
    path = "/api/webrtc/rooms",
    tag = "rooms",
    operation_id = "create_room",
    params(PreferredLanguage),
    request_body = Option<CreateRequest>,
    security(("access_token" = [])),
    responses(
        (
            status = 200,
            description = "The room, with its password and the creator's seat",
            body = Success<Created>
        ),
        ErrorResponses
    )
))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    _: Accepting,
    Caller(user): Caller,
    PreferredLanguage(language): PreferredLanguage,
    body: JsonBody,
) -> Result<Success<Created>, ApiError> {
    if !user.may_create {
        return Err(ApiError::Forbidden);
    }
    let counted = app.rates.count_create(&user.subject, user.creates_per_minute)?;
    let request: CreateRequest = body.parse_or_default()?;
    let capacity = match request.max_participants {
        None => Capacity::default(),
        Some(number) => field::capacity(number, app.rooms.max_public_capacity())?,
    };
    let lifetime = match request.expires_minutes {
        None => Lifetime::default(),
        Some(minutes) => field::lifetime(minutes)?,
    };
    let creator = names::creator(&user, language);
    let name = match field::display_name("name", request.name.as_ref())? {
        Some(name) => name.to_string(),
        None => names::room(&creator, language),
    };
    let password = match request.password {
        None => PasswordChoice::Random,
        Some(password) => PasswordChoice::This(field::password("password", &password)?),
    };
    let on_creator_leave = request.on_creator_leave.unwrap_or_default().into();
    let params = CreateParams {
        id: None,
        name,
        creator: Some(user.subject),
        max_open_rooms: user.open_rooms,
        password: Some(password),
        capacity,
        lifetime,
        on_creator_leave,
        data: Attributes::default(),
    };
    let (unconfirmed, RoomCredentials { password, invite_token, join_url }) =
        counted.during(app.rooms.create(params)).await?;
    let room = unconfirmed.room();
    let token_expires = SystemTime::now() + WsTokens::LIFETIME;
    let grant = SeatGrant::creator(room, creator, user.identity);
    let created = Created {
        room_id: room.id().to_string(),
        name: room.name().to_owned(),
        max_participants: room.capacity().participants(),
        expires_at: rfc3339(room.expires_at()),
        participant_id: room.creator_id().to_string(),
        ws_token: app.access.ws_tokens.mint(&grant, token_expires),
        token_expires_at: rfc3339(to_timestamp(token_expires)),
        ice_servers: app.ice.for_participant(room, room.creator_id()).await.servers,
        password: password.expect("the parameters ask for a password"),
        invite_token,
        join_url,
    };
    // If the request ends earlier, the room is withdrawn.
    unconfirmed.keep();
    Ok(Success::new(created))
}
