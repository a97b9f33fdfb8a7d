//! The room and the participant that a path names.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use signal_core::{ParticipantId, RoomId};

/// `{room_id}` of a path, in any case; `None` if no room can have that id.
pub(crate) struct RoomPath(pub(crate) Option<RoomId>);

/// `{participant_id}` of a path; `None` if nobody can have that id.
pub(crate) struct ParticipantPath(pub(crate) Option<ParticipantId>);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let named: Option<RoomName> = segments(parts, state).await;
        Ok(Self(named.and_then(|named| named.room_id.parse().ok())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ParticipantPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let named: Option<ParticipantName> = segments(parts, state).await;
        Ok(Self(named.and_then(|named| named.participant_id.parse().ok())))
    }
}

#[derive(Deserialize)]
struct RoomName {
    room_id: String,
}

#[derive(Deserialize)]
struct ParticipantName {
    participant_id: String,
}

async fn segments<T: DeserializeOwned + Send, S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<T> {
    Path::from_request_parts(parts, state).await.ok().map(|Path(named)| named)
}
