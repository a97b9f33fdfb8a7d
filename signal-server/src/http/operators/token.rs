//! Creates a token that opens a room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use signal_core::identity::UserId;
use signal_core::wire::TypedText;

use super::open_room::OpenRoom;
use super::texts;
use crate::app::App;
use crate::clock::to_timestamp;
use crate::http::body::JsonBody;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::response::{Success, rfc3339};
use crate::http::rooms::field;
use crate::permissions::PermissionsJson;
use crate::rooms::mint::MintToken;
use crate::rooms::names;
use crate::server::handle::ServerHandle;

error_responses!(Unauthorized, InvalidArgument, Forbidden, RoomNotFound, BodyTooLarge);

/// The holder of the token, and its permissions.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
struct TokenRequest {
    /// The name that others see, with the rules of a guest's.
    #[cfg_attr(feature = "documents", schema(max_length = 32, example = "小红"))]
    #[cfg_attr(feature = "documents", schema(value_type = Option<String>))]
    display_name: Option<TypedText>,
    /// Your id of the user: 1 to 128 bytes. Other participants do not see it.
    #[cfg_attr(
        feature = "documents",
        schema(min_length = 1, max_length = 128, example = "user-17")
    )]
    user: Option<String>,
    /// Texts that v2 participants see beside the name, at most 1 KiB of JSON.
    attributes: Option<BTreeMap<String, String>>,
    /// What the holder may do. By default it is everything but `moderate`.
    permissions: Option<PermissionsJson>,
    /// The seat name, which you choose. A newer socket with a token of the same seat name replaces
    /// an older one. By default each token has a seat of its own.
    seat: Option<String>,
    /// How many minutes the token can open a socket.
    #[cfg_attr(feature = "documents", schema(minimum = 1, maximum = 10, default = 10))]
    #[serde(default, deserialize_with = "field::whole_number")]
    expires_minutes: Option<i64>,
    /// Whether the token admits to a locked room too. By default it does not.
    passes_lock: Option<bool>,
    /// Whether the token stays valid when the password changes before it is used. By default it
    /// does not.
    passes_rotation: Option<bool>,
}

/// A token that opens sockets in the room.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
pub(crate) struct RoomToken {
    /// The token, which a client uses as the `ws_token` of a response to `join`.
    ws_token: String,
    /// When the token expires.
    #[cfg_attr(feature = "documents", schema(format = DateTime))]
    token_expires_at: String,
}

/// Create a token
///
/// The token opens sockets in this room without its password. It takes no seat before a socket is
/// opened. The body may be empty.
#[cfg_attr(feature = "documents", utoipa::path(
    post,
    path = "/admin/rooms/{room_id}/tokens",
    tag = "rooms",
    operation_id = "create_token",
    params(crate::http::path::RoomPath, PreferredLanguage),
    request_body = Option<TokenRequest>,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The token", body = Success<RoomToken>),
        ErrorResponses
    )
))]
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    PreferredLanguage(language): PreferredLanguage,
    body: JsonBody,
) -> Result<Success<RoomToken>, ApiError> {
    let request: TokenRequest = body.parse_or_default()?;
    let name = field::display_name("display_name", request.display_name.as_ref())?;
    let mut token = MintToken::new(name.unwrap_or_else(|| names::guest(language)));
    token.identity.user = request.user.map(|user| user_id(&user)).transpose()?;
    token.identity.attributes =
        request.attributes.map(|texts| texts::parse("attributes", &texts)).transpose()?;
    if let Some(permissions) = request.permissions {
        token.permissions = permissions.into();
    }
    token.seat = request.seat;
    if let Some(minutes) = request.expires_minutes {
        token.lifetime = lifetime(minutes)?;
    }
    token.passes_lock = request.passes_lock.unwrap_or_default();
    token.passes_rotation = request.passes_rotation.unwrap_or_default();
    let minted = ServerHandle::new(&app).mint_for(&room, token)?;
    let token_expires_at = rfc3339(to_timestamp(minted.expires_at));
    Ok(Success::new(RoomToken { ws_token: minted.ws_token, token_expires_at }))
}

fn user_id(user: &str) -> Result<UserId, ApiError> {
    user.parse().map_err(|error| invalid(&format!("user: {error}")))
}

fn lifetime(expires_minutes: i64) -> Result<Duration, ApiError> {
    match u64::try_from(expires_minutes) {
        Ok(minutes @ 1..=10) => Ok(60 * Duration::from_secs(minutes)),
        Ok(_) | Err(_) => Err(invalid("expires_minutes: expected 1 to 10")),
    }
}
