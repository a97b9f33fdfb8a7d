//! Replaces the operators' own data of a room.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use signal_core::room::{Change, Op};

use super::open_room::OpenRoom;
use super::texts;
use crate::app::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::error_responses::error_responses;
use crate::http::response::Success;
use crate::server::handle::RoomNotFound;

error_responses!(Unauthorized, InvalidArgument, RoomNotFound, BodyTooLarge);

/// A room and its data.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = RoomData))]
pub(crate) struct Noted {
    /// The room id.
    #[cfg_attr(feature = "documents", schema(example = "ABC234"))]
    room_id: String,
    /// The data of the room now.
    data: BTreeMap<String, String>,
}

/// Set the data of a room
///
/// The data are texts of your own, at most 1 KiB of JSON, which participants never see. They
/// replace the previous ones, and `{}` removes them.
#[cfg_attr(feature = "documents", utoipa::path(
    put,
    path = "/admin/rooms/{room_id}/data",
    tag = "rooms",
    operation_id = "set_data",
    params(crate::http::path::RoomPath, crate::http::language::PreferredLanguage),
    request_body = BTreeMap<String, String>,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The data are set", body = Success<Noted>),
        ErrorResponses
    )
))]
pub(crate) async fn set_data(
    State(app): State<Arc<App>>,
    OpenRoom(room): OpenRoom,
    body: JsonBody,
) -> Result<Success<Noted>, ApiError> {
    let data = texts::parse("data", &body.parse()?)?;
    let change = Change { data: Some(data.clone()), ..Change::default() };
    app.rooms.apply(&room, &Op::Change(change)).await.map_err(|_| RoomNotFound)?;
    tracing::info!(room = %room.id(), "data set by the host application");
    Ok(Success::new(Noted { room_id: room.id().to_string(), data: data.texts() }))
}
