//! The AsyncAPI document, which describes the WebSocket.

use axum::response::IntoResponse;

use super::respond;

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
    respond(DOCUMENT)
}

const DOCUMENT: &str = include_str!("../../asyncapi.json");
