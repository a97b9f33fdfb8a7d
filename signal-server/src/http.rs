//! What goes for every HTTP request: who asks, how long it may take, what browsers are told.

pub(crate) mod error;
pub(crate) mod language;
pub(crate) mod probes;
pub(crate) mod room_path;
pub(crate) mod rooms;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::timeout;
use tracing::Instrument;

use crate::app::App;
use crate::client_address::Address;
use crate::http::error::ApiError;
use crate::limits::Limit;

/// Where a request comes from; `None` in an application that does not say (`into_make_service_with_connect_info`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub(crate) Option<Address>);

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(peer.map(|ConnectInfo(peer)| app.proxies.client(*peer, &parts.headers))))
    }
}

/// Measures how long answers take and has the log tell what happens meanwhile, by the route and never by the room.
pub(crate) async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::debug_span!("request", method = %request.method(), route = route.as_ref().map(MatchedPath::as_str));
    let began = Instant::now();
    let response = next.run(request).instrument(span).await;
    if let Some(route) = route {
        app.metrics.answered(route.as_str(), response.status().as_u16(), began.elapsed());
    }
    response
}

/// Ends requests that take too long, of which most are sent too slowly.
pub(crate) async fn deadline(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let language = language::preferred(request.headers());
    match timeout(app.limits.request_patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            app.refusals.count(Limit::RequestPatience);
            ApiError::RequestTimeout.into_response(language)
        }
    }
}

/// Answers have tokens in them, and are data, never pages.
pub(crate) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];
