//! The room that a path names.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use signal_core::RoomId;

/// `{room_id}` of a path, in any case; `None` if no room can have that id.
pub(crate) struct RoomPath(pub(crate) Option<RoomId>);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(text.ok().and_then(|Path(text)| text.parse().ok())))
    }
}
