//! The routes, and the layers that every request passes through.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};

use crate::app::App;
#[cfg(feature = "documents")]
use crate::documents::{asyncapi, openapi, operators_openapi};
use crate::http::error::ApiError;
use crate::http::{layers, operators, pages, rooms};
use crate::socket::upgrade;

/// Wraps routes in the layers that every request passes through. The last one added is the
/// outermost.
pub(super) fn guarded(app: &Arc<App>, routes: Router<Arc<App>>) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(app.limits.body_bytes))
        .layer(from_fn_with_state(Arc::clone(app), layers::deadline))
        .layer(from_fn(pages::refuse_other_types))
        .layer(pages::cors_layer())
        .layer(from_fn_with_state(Arc::clone(app), pages::refuse_foreign))
        .layer(from_fn_with_state(Arc::clone(app), layers::word_errors))
        .layer(from_fn(layers::security_headers))
        .with_state(Arc::clone(app))
}

/// Wraps the routes for operators. Pages that an operator visits may not use them either.
pub(super) fn for_operators(app: &Arc<App>, routes: Router<Arc<App>>) -> Router {
    routes
        .layer(from_fn_with_state(Arc::clone(app), pages::refuse_foreign))
        .layer(from_fn_with_state(Arc::clone(app), layers::word_errors))
        .with_state(Arc::clone(app))
}

/// The routes of the API.
pub(super) fn api(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/api/webrtc/rooms", get(rooms::list).post(rooms::create))
        .route(
            "/api/webrtc/rooms/{room_id}",
            get(rooms::show).patch(rooms::change).delete(rooms::close),
        )
        .route("/api/webrtc/rooms/{room_id}/join", post(rooms::join))
        .route("/api/webrtc/rooms/{room_id}/ice-servers", post(rooms::ice_servers))
        .route("/api/webrtc/rooms/{room_id}/participants/{participant_id}", delete(rooms::kick))
        .route("/ws/webrtc/rooms/{room_id}", get(upgrade::open))
        .route_layer(from_fn_with_state(Arc::clone(app), layers::measure))
}

/// The routes with which operators manage rooms. There are none without an admin key.
pub(super) fn management(app: &Arc<App>) -> Router<Arc<App>> {
    let Some(key) = &app.admin_key else { return Router::new() };
    let routes = Router::new()
        .route("/admin/rooms", get(operators::list).post(operators::create))
        .route(
            "/admin/rooms/{room_id}",
            get(operators::show).patch(operators::change).delete(operators::close),
        )
        .route("/admin/rooms/{room_id}/data", put(operators::set_data))
        .route("/admin/rooms/{room_id}/messages", post(operators::send))
        .route("/admin/rooms/{room_id}/participants/{participant_id}", delete(operators::kick))
        .route(
            "/admin/rooms/{room_id}/participants/{participant_id}/attributes",
            put(operators::set_attributes),
        )
        .route(
            "/admin/rooms/{room_id}/participants/{participant_id}/name",
            put(operators::set_name),
        )
        .route(
            "/admin/rooms/{room_id}/participants/{participant_id}/permissions",
            put(operators::set_permissions),
        )
        .route("/admin/rooms/{room_id}/tokens", post(operators::token))
        .route("/admin/rooms/{room_id}/users/{user}", delete(operators::kick_user))
        .route_layer(from_fn_with_state(key.clone(), operators::require))
        .method_not_allowed_fallback(method_not_allowed);
    #[cfg(feature = "documents")]
    let routes = routes.merge(operators_openapi::routes());
    routes
        .route_layer(from_fn_with_state(Arc::clone(app), layers::measure))
        .layer(DefaultBodyLimit::max(OPERATORS_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(app), layers::deadline))
        .layer(from_fn(pages::refuse_other_types))
        .layer(from_fn(layers::security_headers))
}

/// The machine-readable descriptions of the API.
#[cfg(feature = "documents")]
pub(super) fn documents() -> Router<Arc<App>> {
    openapi::routes().route("/asyncapi.json", get(asyncapi::asyncapi))
}

/// A build without the feature `documents` has no descriptions of the API.
#[cfg(not(feature = "documents"))]
pub(super) fn documents() -> Router<Arc<App>> {
    Router::new()
}

async fn not_found() -> ApiError {
    ApiError::NotFound
}

async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

/// The longest body of a request of an operator: that of the longest message fits.
const OPERATORS_BODY_BYTES: usize = 64 * 1024;
