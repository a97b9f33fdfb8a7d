//! An extractor of the room that a request of an operator is about.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use signal_core::room::{Reject, Room, Status};

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::path::RoomPath;

/// The room of the path, if it is open.
pub(crate) struct OpenRoom(pub(crate) Arc<Room>);

impl FromRequestParts<Arc<App>> for OpenRoom {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Ok(RoomPath(id)) = RoomPath::from_request_parts(parts, app).await;
        let room = id.and_then(|id| app.rooms.get(id)).ok_or(Reject::RoomNotFound)?;
        if room.status() == Status::Open {
            Ok(Self(room))
        } else {
            Err(Reject::RoomNotFound.into())
        }
    }
}
