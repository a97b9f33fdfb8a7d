//! The id of a room in the paths of operators.

use signal_core::RoomId;

/// The `{room_id}` of a path, as the document describes it; `OpenRoom` finds the room.
#[derive(utoipa::IntoParams)]
#[into_params(names("room_id"), parameter_in = Path)]
pub(crate) struct ManagedRoomPath(
    /// The room id. In random ids, upper and lower case are equal.
    #[expect(dead_code, reason = "describes the path")]
    #[param(value_type = String, pattern = "^[0-9A-Za-z._~-]{1,64}$", example = "ABC234")]
    RoomId,
);
