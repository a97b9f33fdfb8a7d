//! The document that describes the WebSocket to programs (AsyncAPI 3.0).

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// `GET /asyncapi.json`
pub(crate) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}

const DOCUMENT: &str = include_str!("../asyncapi.json");
