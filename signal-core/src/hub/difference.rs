//! The difference between two records of a room: who joined, who left, what changed.

use crate::ids::ParticipantId;
use crate::message::{PeerUpdate, RoomInfo};
use crate::permissions::Permissions;
use crate::reason::LeaveReason;
use crate::room::{Room, Seat};

/// What a newer record changes for members that know the older one.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Seats that are gone, oldest first, and how they ended.
    pub(super) left: Vec<(ParticipantId, LeaveReason)>,
    /// Seats that are new, oldest first.
    pub(super) joined: Vec<ParticipantId>,
    /// Seats that changed, oldest first.
    pub(super) updated: Vec<(ParticipantId, PeerUpdate)>,
    /// Seats whose participants may do other things than before, oldest first.
    pub(super) permitted: Vec<(ParticipantId, Permissions)>,
    /// What participants see of the room, if that changed.
    pub(super) room: Option<RoomInfo>,
    /// Whether the room ends later than before.
    pub(super) extended: bool,
    /// Whether wrong passwords have run out, or all have come back.
    pub(super) password_attempts: bool,
}

impl Difference {
    pub(super) fn between(before: &Room, after: &Room) -> Self {
        let left = before.seats().iter().filter(|seat| after.seat(seat.id).is_none());
        let joined = after.seats().iter().filter(|seat| before.seat(seat.id).is_none());
        let updated = after.seats().iter().filter_map(|seat| {
            let update = update(before.seat(seat.id)?, seat);
            (update != PeerUpdate::default()).then_some((seat.id, update))
        });
        let permitted = after.seats().iter().filter(|seat| {
            let known = before.seat(seat.id);
            known.is_some_and(|known| known.permissions != seat.permissions)
        });
        let info = after.info();
        Self {
            left: left.map(|seat| (seat.id, reason(seat.id, after))).collect(),
            joined: joined.map(|seat| seat.id).collect(),
            updated: updated.collect(),
            permitted: permitted.map(|seat| (seat.id, seat.permissions)).collect(),
            room: (before.info() != info).then_some(info),
            extended: after.expires_at() > before.expires_at(),
            password_attempts: before.password_attempts_ran_out()
                != after.password_attempts_ran_out(),
        }
    }
}

/// Older departures, which the record no longer has, are reported as [`LeaveReason::Lost`]. Clients
/// then keep the media until it stops, which is harmless.
fn reason(id: ParticipantId, after: &Room) -> LeaveReason {
    after.departure(id).unwrap_or(LeaveReason::Lost)
}

fn update(before: &Seat, after: &Seat) -> PeerUpdate {
    let lossy = before.generation != after.generation;
    let (known, identity) = (&before.identity.attributes, &after.identity.attributes);
    PeerUpdate {
        name: (before.name != after.name).then(|| after.name.shared()),
        state: after.state.clone().filter(|state| before.state.as_ref() != Some(state)),
        attributes: (known != identity).then(|| identity.clone().unwrap_or_default()),
        connected: (lossy || before.is_attached() != after.is_attached())
            .then(|| after.is_attached()),
        lossy,
        publish: (before.permissions.publish != after.permissions.publish)
            .then_some(after.permissions.publish),
    }
}
