//! The layers around every request: measurement, time limit, language of errors, security headers.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tracing::Instrument;

use super::error::ApiError;
use super::language::PreferredLanguage;
use crate::app::App;
use crate::limits::Limit;

/// Measures how long responses take, and opens a log span for the request. Both name the route,
/// never the room.
pub(crate) async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = route.as_ref().map(MatchedPath::as_str);
    let span = tracing::debug_span!("request", method = %request.method(), route = path);
    let began = Instant::now();
    let response = next.run(request).instrument(span).await;
    if let Some(route) = route {
        app.metrics.answered(route.as_str(), response.status().as_u16(), began.elapsed());
    }
    response
}

/// Ends requests that take too long. Most of them are sent too slowly.
pub(crate) async fn deadline(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    match timeout(app.limits.request_patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            app.counters.count(Limit::RequestPatience);
            ApiError::RequestTimeout.into_response()
        }
    }
}

/// Writes the text of an error in the language that the client prefers.
///
/// Handlers and layers inside this one answer with an [`ApiError`] that has no text yet.
pub(crate) async fn word_errors(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let PreferredLanguage(language) = PreferredLanguage::of(request.headers(), app.language);
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error.word(response, language),
        None => response,
    }
}

/// Sets security headers on every response that does not have its own. Responses of the API contain
/// tokens, and they are data, never pages.
pub(crate) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
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
