//! The response to a request that succeeds.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signal_core::{Timestamp, wire};

/// The response to a request that succeeds.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
pub(crate) struct Success<T> {
    #[cfg_attr(feature = "documents", schema(schema_with = crate::http::schema::constant::<true>))]
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

/// Formats a timestamp in whole seconds (RFC 3339).
pub(crate) fn rfc3339(at: Timestamp) -> String {
    wire::rfc3339(Timestamp::from_millis(at.as_millis() / 1000 * 1000))
}
