//! The AsyncAPI document, which describes the WebSocket.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// Describe the WebSocket
///
/// Returns the AsyncAPI 3.0 document of the messages and close codes.
#[utoipa::path(
    get,
    path = "/asyncapi.json",
    tag = "server",
    responses((status = 200, description = "The AsyncAPI document", body = serde_json::Value))
)]
pub(crate) async fn asyncapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}

const DOCUMENT: &str = include_str!("../../asyncapi.json");
