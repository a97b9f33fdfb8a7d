//! What operators and their machines ask: is it alive, does it take anybody in, what does it do.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::documents::openapi::refusals;
use crate::http::error::ApiError;
use crate::http::language;
use crate::metrics::OPEN_METRICS;

refusals!(Unavailable);

/// `GET /healthz` and `GET /readyz`, which tell nothing that the public may not know.
pub(crate) fn probes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

/// The probes, and `GET /metrics`.
pub(crate) fn routes() -> Router<Arc<App>> {
    probes().route("/metrics", get(metrics))
}

/// Whether the server runs
///
/// Whoever gets no answer should start it anew.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the server takes anybody in
///
/// While it does not, send them elsewhere.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    responses(
        (status = 200, description = "It does", body = String, content_type = "text/plain"),
        Refusals
    )
)]
pub(crate) async fn readyz(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if app.drain.is_on() {
        return ApiError::Draining.into_response(language::preferred(&headers));
    }
    (StatusCode::OK, "ok\n").into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], app.metrics.encode(app.counts())).into_response()
}
