//! Removes a user from a room, with all its devices.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::open_room::OpenRoom;
use crate::app::App;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::path::UserPath;
use crate::http::response::Success;
use crate::server::handle::ServerHandle;

error_responses!(Unauthorized, InvalidArgument, RoomNotFound, ParticipantNotFound);

#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(parameter_in = Query))]
pub(crate) struct KickUserQuery {
    /// Whether to void all tokens of the user, and to create no more for this room.
    #[serde(default)]
    ban: bool,
}

/// The removed user.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = KickedUser))]
pub(crate) struct KickedUser {
    /// The id of the removed user.
    user: String,
}

/// Kick a user
///
/// Removes every participant whose token was created for this user. With `ban`, all tokens of the
/// user for the room become void, even if the user is not in the room now, and no more are created.
/// A room remembers the last 256 banned users. The password and invites do not name a user, so they
/// still admit anyone who has them.
#[cfg_attr(feature = "documents", utoipa::path(
    delete,
    path = "/admin/rooms/{room_id}/users/{user}",
    tag = "rooms",
    operation_id = "kick_user",
    params(
        crate::http::path::RoomPath,
        UserPath,
        KickUserQuery,
        crate::http::language::PreferredLanguage
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The user is removed", body = Success<KickedUser>),
        ErrorResponses
    )
))]
pub(crate) async fn kick_user(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    UserPath(user): UserPath,
    query: Result<Query<KickUserQuery>, QueryRejection>,
) -> Result<Success<KickedUser>, ApiError> {
    let Query(KickUserQuery { ban }) =
        query.map_err(|rejection| invalid(&rejection.body_text()))?;
    let user = user.ok_or_else(|| invalid("user: expected 1 to 128 bytes"))?;
    let removed = KickedUser { user: user.as_str().to_owned() };
    let handle = ServerHandle::new(&app);
    if ban {
        handle.ban_user(room.id(), user).await?;
    } else {
        handle.kick_user(room.id(), user).await?;
    }
    Ok(Success::new(removed))
}
