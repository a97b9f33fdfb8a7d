//! What operators and their machines ask: is it alive, does it take anybody in, what does it do.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::http::authentication::Accepting;
use crate::http::error_responses::error_responses;
use crate::http::layers;
use crate::metrics::OPEN_METRICS;

error_responses!(Unavailable);

/// `GET /healthz` and `GET /readyz`, which tell nothing that the public may not know.
pub(crate) fn probes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

/// The probes, and `GET /metrics`.
pub(crate) fn routes() -> Router<Arc<App>> {
    probes().route("/metrics", get(metrics)).layer(from_fn(layers::word_errors))
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
        ErrorResponses
    )
)]
pub(crate) async fn readyz(_: Accepting) -> &'static str {
    "ok\n"
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], app.metrics.encode(app.counts())).into_response()
}
