//! The document that describes the WebSocket to programs (AsyncAPI 3.0).

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// What is said over the WebSocket
///
/// AsyncAPI 3.0.
#[utoipa::path(
    get,
    path = "/asyncapi.json",
    tag = "server",
    responses((status = 200, description = "The document", body = serde_json::Value))
)]
pub(crate) async fn asyncapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}

const DOCUMENT: &str = include_str!("../../asyncapi.json");
