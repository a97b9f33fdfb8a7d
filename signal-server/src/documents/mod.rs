//! The machine-readable descriptions of the API.

pub(crate) mod asyncapi;
pub(crate) mod openapi;
pub(crate) mod operators_openapi;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::OpenApi;

/// Generates an OpenAPI document.
fn json<Document: OpenApi>() -> String {
    Document::openapi().to_json().expect("the document serializes to JSON")
}

/// Responds with a document.
fn respond(json: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], json)
}
