//! A room as its creator sees it.

use serde::{Deserialize, Serialize};
use signal_core::Timestamp;
use signal_core::room::{OnCreatorLeave, Room, Seat};

use crate::http::response::rfc3339;

/// A room in a list.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = Room))]
pub(crate) struct RoomJson {
    /// The room id.
    #[cfg_attr(feature = "documents", schema(example = "ABC234"))]
    room_id: String,
    /// The name of the room.
    name: String,
    /// How many participants the room can hold, including the creator.
    max_participants: u16,
    /// How many seats are taken, including those kept for disconnected participants.
    participant_count: usize,
    /// Whether the room refuses newcomers.
    locked: bool,
    /// How many wrong passwords may be tried before the room accepts none for a while: at most 20.
    /// Every 3 minutes one attempt is restored.
    password_attempts_left: u8,
    on_creator_leave: OnCreatorLeaveJson,
    /// When the room was created.
    #[cfg_attr(feature = "documents", schema(format = DateTime))]
    created_at: String,
    /// When the room ends.
    #[cfg_attr(feature = "documents", schema(format = DateTime))]
    expires_at: String,
}

/// A room and its participants.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = RoomDetails))]
pub(crate) struct RoomDetailsJson {
    #[serde(flatten)]
    summary: RoomJson,
    /// The participants, oldest first.
    participants: Vec<ParticipantJson>,
}

/// A participant with a seat in the room.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = Participant))]
pub(in crate::http) struct ParticipantJson {
    /// The participant id.
    #[cfg_attr(feature = "documents", schema(example = "p_zzzy0001"))]
    id: String,
    /// The name that others see.
    name: String,
    /// Whether the participant created the room.
    is_creator: bool,
    /// Whether the participant is connected. If not, its seat is kept for a while.
    connected: bool,
}

/// What happens to the room when its creator sends `leave`.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "documents", schema(as = OnCreatorLeave))]
pub(crate) enum OnCreatorLeaveJson {
    #[default]
    Close,
    Keep,
}

impl RoomJson {
    pub(in crate::http) fn of(room: &Room, now: Timestamp) -> Self {
        Self {
            room_id: room.id().to_string(),
            name: room.name().to_owned(),
            max_participants: room.capacity().participants(),
            participant_count: room.seats().len(),
            locked: room.locked(),
            password_attempts_left: room.password_attempts_left(now),
            on_creator_leave: room.on_creator_leave().into(),
            created_at: rfc3339(room.created_at()),
            expires_at: rfc3339(room.expires_at()),
        }
    }
}

impl RoomDetailsJson {
    pub(super) fn of(room: &Room, now: Timestamp) -> Self {
        Self {
            summary: RoomJson::of(room, now),
            participants: room.seats().iter().map(ParticipantJson::of).collect(),
        }
    }
}

impl ParticipantJson {
    pub(in crate::http) fn of(seat: &Seat) -> Self {
        Self {
            id: seat.id.to_string(),
            name: seat.name.to_string(),
            is_creator: seat.is_creator(),
            connected: seat.is_attached(),
        }
    }
}

impl From<OnCreatorLeaveJson> for OnCreatorLeave {
    fn from(on_leave: OnCreatorLeaveJson) -> Self {
        match on_leave {
            OnCreatorLeaveJson::Close => Self::Close,
            OnCreatorLeaveJson::Keep => Self::Keep,
        }
    }
}

impl From<OnCreatorLeave> for OnCreatorLeaveJson {
    fn from(on_leave: OnCreatorLeave) -> Self {
        match on_leave {
            OnCreatorLeave::Close => Self::Close,
            OnCreatorLeave::Keep => Self::Keep,
        }
    }
}
