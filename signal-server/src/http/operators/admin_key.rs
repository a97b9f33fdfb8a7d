//! Requires the admin key.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::admin_key::AdminKey;
use crate::http::authentication::bearer;
use crate::http::error::ApiError;

/// Refuses requests without the key.
pub(crate) async fn require(State(key): State<AdminKey>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|given| key.is(given)) {
        return next.run(request).await;
    }
    tracing::debug!("refusing a request without the admin key");
    ApiError::AdminKeyWrong.into_response()
}
