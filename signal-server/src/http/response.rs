//! What a request that succeeds is answered.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signal_core::{Timestamp, wire};
use utoipa::ToSchema;

use super::schema;

/// The answer of a request that succeeds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success<T> {
    #[schema(schema_with = schema::constant::<true>)]
    success: bool,
    data: T,
}

impl<T> Success<T> {
    pub(crate) fn new(data: T) -> Self {
        Self { success: true, data }
    }
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// A moment in whole seconds (RFC 3339).
pub(crate) fn rfc3339(at: Timestamp) -> String {
    wire::rfc3339(Timestamp::from_millis(at.as_millis() / 1000 * 1000))
}
