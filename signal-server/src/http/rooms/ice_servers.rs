//! Returns ICE servers to the holder of a token.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use signal_core::ice::IceServer;
use signal_core::room::Reject;

use crate::app::App;
use crate::auth::token_error::TokenError;
use crate::http::authentication::LoginParts;
use crate::http::client::Client;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::RoomPath;
use crate::http::response::{Success, rfc3339};
use crate::rooms::access::ClaimError;

error_responses!(
    Unauthorized,
    Forbidden,
    RoomLocked,
    RoomNotFound,
    ParticipantNotFound,
    RoomExpired,
    RateLimited,
    Unavailable
);

/// ICE servers and the expiry of their credentials.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = IceServerList))]
pub(crate) struct Announced {
    /// ICE servers, with credentials.
    #[cfg_attr(
        feature = "documents",
        schema(value_type = Vec<crate::http::schema::IceServerJson>)
    )]
    ice_servers: Vec<IceServer>,
    /// When the credentials expire.
    #[cfg_attr(feature = "documents", schema(format = DateTime))]
    ice_expires_at: String,
}

/// Get ICE servers
///
/// Requires a token that opens a seat, used or not: a ws token of the room, or the access token of
/// its creator.
#[cfg_attr(feature = "documents", utoipa::path(
    post,
    path = "/api/webrtc/rooms/{room_id}/ice-servers",
    tag = "rooms",
    operation_id = "get_ice_servers",
    params(RoomPath, PreferredLanguage),
    security(("access_token" = []), ("ws_token" = [])),
    responses(
        (
            status = 200,
            description = "ICE servers and the expiry of their credentials",
            body = Success<Announced>
        ),
        ErrorResponses
    )
))]
pub(crate) async fn ice_servers(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Client(client): Client,
    PreferredLanguage(language): PreferredLanguage,
    login: LoginParts,
) -> Result<Success<Announced>, ApiError> {
    let claim = app.access.claim_seat(room, login.request(None), client, language).await;
    let claim = claim.map_err(|error| match error {
        // Guests have tokens too, and no login.
        ClaimError::Token(TokenError::Invalid) => ApiError::TokenInvalid,
        error => error.into(),
    })?;
    let participant = claim.room.granted(&claim.grant)?.ok_or(Reject::ParticipantNotFound)?;
    app.rates.count_ice_request(client)?;
    let ice = app.ice.for_participant(&claim.room, participant).await;
    let ice_expires_at = rfc3339(app.rooms.clock.core_time(ice.expires_at));
    Ok(Success::new(Announced { ice_servers: ice.servers, ice_expires_at }))
}
