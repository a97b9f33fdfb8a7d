//! Extractors that authenticate a request: the user of its access token, and the user's own room.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use signal_core::room::{CloseReason, Reject, Room, Status};

use super::client::{self, Client};
use super::error::ApiError;
use super::path::RoomPath;
use crate::app::App;
use crate::auth::login::{LoginRequest, User};
use crate::auth::origin;

/// The user that the request comes from. Without a valid login the request gets 401.
pub(crate) struct Caller(pub(crate) User);

/// The parts of a request that a login may inspect.
pub(crate) struct LoginParts {
    headers: HeaderMap,
    uri: Uri,
    address: Option<IpAddr>,
}

/// The room of the path, if it is open and the caller created it.
pub(crate) struct OwnRoom {
    pub(crate) room: Arc<Room>,
    pub(crate) user: User,
}

/// Refuses a request with 503 while the server is draining, or when a part of it has failed.
pub(crate) struct Accepting;

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Ok(login) = LoginParts::from_request_parts(parts, app).await;
        Ok(Self(app.access.user(login.request(None)).await?))
    }
}

impl FromRequestParts<Arc<App>> for LoginParts {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(parts, app).await;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let mut headers = parts.headers.clone();
        // Any page can make its visitors' browsers send cookies.
        if !origin::is_of_own_page(&headers, app.proxies.host(peer, &headers))
            && headers.remove(COOKIE).is_some()
        {
            tracing::debug!("ignoring the cookies of a request that no page of this server sent");
        }
        Ok(Self { headers, uri, address: client::address(parts, app) })
    }
}

impl LoginParts {
    /// The request with its token: the given one, or that of the header.
    pub(crate) fn request<'a>(&'a self, token: Option<&'a str>) -> LoginRequest<'a> {
        let Self { headers, uri, address } = self;
        let token = token.filter(|token| !token.is_empty()).or_else(|| bearer(headers));
        let token = token.filter(|token| !token.is_empty());
        LoginRequest { token, headers, uri, address: *address }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
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
            Status::Closed(CloseReason::Expired) => Err(Reject::RoomExpired.into()),
            Status::Closed(_) => Err(Reject::RoomNotFound.into()),
            Status::Open => Ok(Self { room, user }),
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
