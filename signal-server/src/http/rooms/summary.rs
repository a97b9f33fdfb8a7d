//! What a room's creator is told about it.

use serde::{Deserialize, Serialize};
use signal_core::{OnCreatorLeave, Room, Seat};
use utoipa::ToSchema;

use crate::http::response::rfc3339;

/// A room.
#[derive(Serialize, ToSchema)]
#[schema(as = Room)]
pub(crate) struct RoomSummary {
    #[schema(example = "ABC234")]
    room_id: String,
    name: String,
    /// How many fit, the creator included.
    max_participants: u8,
    /// How many seats are taken, those included that are kept for somebody without a socket.
    participant_count: usize,
    /// Whether newcomers are kept out.
    locked: bool,
    on_creator_leave: OnLeave,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A room and who is in it.
#[derive(Serialize, ToSchema)]
#[schema(as = RoomDetails)]
pub(crate) struct RoomDetails {
    #[serde(flatten)]
    summary: RoomSummary,
    /// Oldest first.
    participants: Vec<Participant>,
}

/// Somebody with a seat.
#[derive(Serialize, ToSchema)]
struct Participant {
    #[schema(example = "p_zzzy0001")]
    id: String,
    name: String,
    is_creator: bool,
    /// Whether its socket is there; if not, the seat is kept for it.
    connected: bool,
}

/// What becomes of the room when its creator says `leave`.
#[derive(Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OnCreatorLeave)]
pub(crate) enum OnLeave {
    #[default]
    Close,
    Keep,
}

impl RoomSummary {
    pub(super) fn of(room: &Room) -> Self {
        Self {
            room_id: room.id().to_string(),
            name: room.name().to_owned(),
            max_participants: room.capacity().participants(),
            participant_count: room.seats().len(),
            locked: room.locked(),
            on_creator_leave: room.on_creator_leave().into(),
            created_at: rfc3339(room.created_at()),
            expires_at: rfc3339(room.expires_at()),
        }
    }
}

impl RoomDetails {
    pub(super) fn of(room: &Room) -> Self {
        Self {
            summary: RoomSummary::of(room),
            participants: room.seats().iter().map(Participant::of).collect(),
        }
    }
}

impl Participant {
    fn of(seat: &Seat) -> Self {
        Self {
            id: seat.id.to_string(),
            name: seat.name.to_string(),
            is_creator: seat.is_creator(),
            connected: seat.is_attached(),
        }
    }
}

impl From<OnLeave> for OnCreatorLeave {
    fn from(on_leave: OnLeave) -> Self {
        match on_leave {
            OnLeave::Close => Self::Close,
            OnLeave::Keep => Self::Keep,
        }
    }
}

impl From<OnCreatorLeave> for OnLeave {
    fn from(on_leave: OnCreatorLeave) -> Self {
        match on_leave {
            OnCreatorLeave::Close => Self::Close,
            OnCreatorLeave::Keep => Self::Keep,
        }
    }
}
