//! The room and the participant that a path names.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use signal_core::{ParticipantId, RoomId};

/// `{room_id}` of a path, in any case; `None` if no room can have that id.
pub(crate) struct RoomPath(pub(crate) Option<RoomId>);

/// `{participant_id}` of a path; `None` if nobody can have that id.
pub(crate) struct ParticipantPath(pub(crate) Option<ParticipantId>);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(segment("room_id", parts, state).await))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ParticipantPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(segment("participant_id", parts, state).await))
    }
}

/// By its name: where the routes are nested, the prefix may have parameters too.
async fn segment<T: FromStr, S: Send + Sync>(name: &str, parts: &mut Parts, state: &S) -> Option<T> {
    let segments = RawPathParams::from_request_parts(parts, state).await.ok()?;
    segments.iter().find_map(|(found, text)| (found == name).then_some(text))?.parse().ok()
}
