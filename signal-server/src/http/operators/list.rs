//! Lists all rooms.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use signal_core::room::Room;
use signal_core::{RoomId, Timestamp};

use super::room::ManagedRoom;
use crate::app::App;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::response::Success;

error_responses!(Unauthorized, InvalidArgument);

/// Which part of the list to return.
#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(parameter_in = Query))]
pub(crate) struct Page {
    /// How many rooms to return: 1000 by default.
    #[cfg_attr(feature = "documents", param(minimum = 1, maximum = 1000))]
    #[serde(default = "most")]
    limit: usize,
    /// Where to continue: the `next` of the previous page.
    // A time and a room id. No room id is `.` or `..`.
    #[cfg_attr(
        feature = "documents",
        param(
            nullable = false,
            pattern = "^[0-9]{1,15}-([0-9A-Za-z_~-]{1,2}|[0-9A-Za-z_~-][.]|[.][0-9A-Za-z_~-]|\
            [0-9A-Za-z._~-]{3,64})$"
        )
    )]
    after: Option<String>,
}

/// Open rooms, newest first.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ManagedRoomList))]
pub(crate) struct Listed {
    /// The rooms of this page, newest first.
    rooms: Vec<ManagedRoom>,
    /// Where the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    next: Option<String>,
}

/// A place in the list. It stays the same when rooms come and go.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Place(Reverse<Timestamp>, RoomId);

/// List all rooms
///
/// Returns the open rooms of all users, newest first, in pages of at most 1000.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/admin/rooms",
    tag = "rooms",
    operation_id = "list_rooms",
    params(Page, crate::http::language::PreferredLanguage),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "Open rooms", body = Success<Listed>),
        ErrorResponses
    )
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Success<Listed>, ApiError> {
    let Query(Page { limit, after }) =
        query.map_err(|rejection| invalid(&rejection.body_text()))?;
    if !(1..=MOST).contains(&limit) {
        return Err(invalid("limit: expected 1 to 1000"));
    }
    let after = after.as_deref().map(Place::parse).transpose()?;
    let mut rooms = app.rooms.shards.open_rooms();
    rooms.retain(|room| after.is_none_or(|after| Place::of(room) > after));
    rooms.sort_by_key(|room| Place::of(room));
    let has_more = rooms.len() > limit;
    rooms.truncate(limit);
    let next = rooms.last().filter(|_| has_more).map(|room| Place::of(room).to_text());
    let now = app.rooms.clock.now();
    let rooms = rooms.iter().map(|room| ManagedRoom::of(room, now)).collect();
    Ok(Success::new(Listed { rooms, next }))
}

impl Place {
    fn of(room: &Room) -> Self {
        Self(Reverse(room.created_at()), room.id())
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let place = text.split_once('-').and_then(|(millis, room)| {
            let at = Timestamp::from_millis(millis.parse().ok()?);
            Some(Self(Reverse(at), room.parse().ok()?))
        });
        place.ok_or_else(|| invalid("after: expected the `next` of a page"))
    }

    fn to_text(self) -> String {
        let Self(Reverse(at), room) = self;
        format!("{}-{room}", at.as_millis())
    }
}

fn most() -> usize {
    MOST
}

const MOST: usize = 1000;
