//! The endpoints for operators: liveness, readiness and metrics.

use std::sync::Arc;

use axum::Router;
#[cfg(feature = "metrics")]
use axum::http::header::CONTENT_TYPE;
#[cfg(feature = "metrics")]
use axum::response::IntoResponse;
use axum::routing::get;

use crate::app::App;
use crate::http::authentication::Accepting;
use crate::http::error_responses::error_responses;
#[cfg(feature = "metrics")]
use crate::metrics::OPEN_METRICS;

error_responses!(Unavailable);

/// `GET /healthz` and `GET /readyz`, which may be public.
pub(crate) fn probes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

/// The probes, and `GET /metrics`.
pub(crate) fn routes() -> Router<Arc<App>> {
    let routes = probes();
    #[cfg(feature = "metrics")]
    let routes = routes.route("/metrics", get(metrics));
    routes
}

/// Liveness probe
///
/// Restart the server if it does not answer.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    responses((
        status = 200,
        description = "The server is running",
        body = String,
        content_type = "text/plain"
    ))
))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Readiness probe
///
/// While the server answers 503, send new clients to another one.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    responses(
        (
            status = 200,
            description = "The server admits participants",
            body = String,
            content_type = "text/plain"
        ),
        ErrorResponses
    )
))]
pub(crate) async fn readyz(_: Accepting) -> &'static str {
    "ok\n"
}

#[cfg(feature = "metrics")]
async fn metrics(axum::extract::State(app): axum::extract::State<Arc<App>>) -> impl IntoResponse {
    let shards = &app.rooms.shards;
    let encoded = app.metrics.encode(app.counts(), shards.queued_bytes(), shards.message_meter());
    ([(CONTENT_TYPE, OPEN_METRICS)], encoded)
}
