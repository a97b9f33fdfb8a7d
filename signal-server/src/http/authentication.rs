//! Extractors that authenticate a request: the user of its access token, and the user's own room.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use signal_core::{CloseReason, Reject, Room, Status};

use super::client::Client;
use super::error::ApiError;
use super::path::RoomPath;
use crate::app::App;
use crate::auth::identity::User;

/// The user whose access token the request carries. Without a valid one the request gets 401.
pub(crate) struct Caller(pub(crate) User);

/// The room of the path, if it is open and the caller created it.
pub(crate) struct OwnRoom(pub(crate) Arc<Room>);

/// Refuses a request with 503 while the server is draining, or when a part of it has failed.
pub(crate) struct Accepting;

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or(ApiError::Unauthorized)?;
        Ok(Self(app.access.user(token).await?))
    }
}

impl FromRequestParts<Arc<App>> for OwnRoom {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Caller(user) = Caller::from_request_parts(parts, app).await?;
        let Ok(RoomPath(room)) = RoomPath::from_request_parts(parts, app).await;
        let Ok(Client(client)) = Client::from_request_parts(parts, app).await;
        let room = app.access.own_room(room, &user, client)?;
        match room.status() {
            Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator) => {
                Err(Reject::RoomNotFound.into())
            }
            Status::Closed(CloseReason::Expired) => Err(Reject::RoomExpired.into()),
            Status::Open => Ok(Self(room)),
        }
    }
}

impl FromRequestParts<Arc<App>> for Accepting {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let refuses = app.drain.is_on() || app.supervisor.has_failed();
        if refuses { Err(ApiError::Draining) } else { Ok(Self) }
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
