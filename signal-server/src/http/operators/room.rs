//! The JSON that describes a room to operators.

use std::collections::BTreeMap;

use serde::Serialize;
use signal_core::Timestamp;
use signal_core::identity::{Attributes, UserId};
use signal_core::room::{Room, Seat};

use crate::http::rooms::summary::{ParticipantJson, RoomJson};
use crate::permissions::PermissionsJson;

/// A room in the list of all rooms.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ManagedRoom))]
pub(crate) struct ManagedRoom {
    #[serde(flatten)]
    summary: RoomJson,
    /// The user who created the room, if it has a creator: the `sub` of the access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    creator: Option<String>,
    /// Whether the room has a password. Without one, only an invite or a token opens it.
    has_password: bool,
    /// The data that operators have set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    data: Option<BTreeMap<String, String>>,
}

/// A room and its participants.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "documents", schema(as = ManagedRoomDetails))]
pub(crate) struct ManagedRoomDetails {
    #[serde(flatten)]
    room: ManagedRoom,
    /// The participants, oldest first.
    participants: Vec<ManagedParticipant>,
}

/// A participant with a seat in the room.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
struct ManagedParticipant {
    #[serde(flatten)]
    participant: ParticipantJson,
    /// The user that the participant's token was created for, or that the login has named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    user: Option<String>,
    /// The attributes that were set last, or that the participant's token was created with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "documents", schema(nullable = false))]
    attributes: Option<BTreeMap<String, String>>,
    /// The permissions that were set last, or that the participant's token was created with.
    permissions: PermissionsJson,
}

impl ManagedRoom {
    pub(super) fn of(room: &Room, now: Timestamp) -> Self {
        Self {
            summary: RoomJson::of(room, now),
            creator: room.creator().map(str::to_owned),
            has_password: room.has_password(),
            data: room.data().map(Attributes::texts),
        }
    }
}

impl ManagedRoomDetails {
    pub(super) fn of(room: &Room, now: Timestamp) -> Self {
        Self {
            room: ManagedRoom::of(room, now),
            participants: room.seats().iter().map(ManagedParticipant::of).collect(),
        }
    }
}

impl ManagedParticipant {
    fn of(seat: &Seat) -> Self {
        Self {
            participant: ParticipantJson::of(seat),
            user: seat.identity.user.as_ref().map(UserId::as_str).map(str::to_owned),
            attributes: seat.identity.attributes.as_ref().map(Attributes::texts),
            permissions: seat.permissions.into(),
        }
    }
}
