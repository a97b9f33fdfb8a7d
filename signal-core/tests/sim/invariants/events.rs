//! Rules of the events of a room: together they describe the room, each comes once, and each names
//! the true reason.

use std::collections::BTreeMap;

use signal_core::message::Moderation;
use signal_core::room::event::{
    EventKey, EventLeaveReason, EventParticipant, RoomEvent, RoomEventKind,
};
use signal_core::room::{Op, Presence, Room, Seat, Status, Ticket};
use signal_core::{ParticipantId, Permissions, Timestamp};

/// What the events so far say of a room.
pub struct EventRules {
    last: Option<EventKey>,
    known: Known,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Known {
    present: BTreeMap<ParticipantId, Present>,
    is_open: bool,
    name: String,
    locked: bool,
    capacity: u16,
    is_password_locked: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Present {
    ticket: Ticket,
    name: String,
    is_attached: bool,
    permissions: Permissions,
}

impl EventRules {
    /// For a room that is created.
    pub fn new(room: &Room) -> Self {
        let opened = room.events_since(None, room.created_at());
        assert_eq!(opened.len(), 1);
        assert_eq!(opened[0].kind, RoomEventKind::Opened);
        Self { last: Some(opened[0].key), known: Known::of(room) }
    }

    /// For a room as it is now.
    pub fn of(room: &Room) -> Self {
        Self { last: None, known: Known::of(room) }
    }

    pub fn check(&mut self, before: &Room, op: &Op, after: &Room, events: &[RoomEvent]) {
        for event in events {
            let RoomEvent { key, kind, at, .. } = event;
            assert!(self.last.is_none_or(|last| last < *key), "{key:?} after {:?}", self.last);
            assert_eq!(
                (key.room, key.epoch, key.version),
                (after.id(), after.epoch(), after.version())
            );
            self.last = Some(*key);
            if let RoomEventKind::Left { participant, reason } = kind {
                let seat = before.seat(participant.id).expect("it was there");
                let is_over = after.status() != Status::Open;
                check_reason(seat, op, is_over.then_some(*at), *reason);
            }
            self.known.learn(kind);
        }
        let known = Known::of(after);
        // Wrong passwords are counted on in a room that is over.
        if before.status() == Status::Open {
            assert_eq!(self.known, known, "{op:?} is not all that {events:?} tell");
        }
    }
}

impl Known {
    fn of(room: &Room) -> Self {
        let present = room.seats().iter().map(|seat| (seat.id, Present::of(seat)));
        Self {
            present: present.collect(),
            is_open: room.status() == Status::Open,
            name: room.name().to_owned(),
            locked: room.locked(),
            capacity: room.capacity().participants(),
            is_password_locked: room.password_attempts_ran_out(),
        }
    }

    fn learn(&mut self, kind: &RoomEventKind) {
        assert!(self.is_open, "{kind:?} after the end");
        match kind {
            RoomEventKind::Opened => panic!("opened twice"),
            RoomEventKind::Closed { .. } => {
                assert!(self.present.is_empty(), "{:?} are left", self.present);
                self.is_open = false;
            }
            RoomEventKind::Joined { participant } => {
                let known = self.present.insert(participant.id, Present::new(participant));
                assert_eq!(known, None, "{participant:?} joined twice");
            }
            RoomEventKind::Left { participant, .. } => {
                let known = self.present.remove(&participant.id);
                assert!(known.is_some(), "{participant:?} left twice");
            }
            RoomEventKind::Replaced { participant, replaces } => {
                let known = self.present.remove(replaces).expect("it was there");
                assert_eq!(known.ticket, participant.ticket);
                let present = Present::new(participant);
                assert_eq!(self.present.insert(participant.id, present), None);
            }
            RoomEventKind::Detached { participant, .. } => {
                let known = self.present.get_mut(&participant.id).expect("it is there");
                assert!(
                    std::mem::take(&mut known.is_attached),
                    "{participant:?} is detached twice"
                );
            }
            RoomEventKind::Resumed { participant, .. } => {
                self.present.get_mut(&participant.id).expect("it is there").is_attached = true;
            }
            RoomEventKind::Renamed { participant } => {
                let known = self.present.get_mut(&participant.id).expect("it is there");
                participant.name.as_str().clone_into(&mut known.name);
            }
            RoomEventKind::PermissionsChanged { participant } => {
                let known = self.present.get_mut(&participant.id).expect("it is there");
                known.permissions = participant.permissions;
            }
            RoomEventKind::Changed(changed) => {
                if let Some(name) = &changed.name {
                    self.name = name.to_string();
                }
                self.locked = changed.locked.unwrap_or(self.locked);
                let capacity = changed.capacity.map(|capacity| capacity.participants());
                self.capacity = capacity.unwrap_or(self.capacity);
            }
            RoomEventKind::PasswordLocked => self.is_password_locked = true,
            RoomEventKind::PasswordUnlocked => self.is_password_locked = false,
            other => panic!("an event that this test does not know: {other:?}"),
        }
    }
}

impl Present {
    fn new(participant: &EventParticipant) -> Self {
        let name = participant.name.as_str().to_owned();
        let (ticket, permissions) = (participant.ticket, participant.permissions);
        Self { ticket, name, is_attached: true, permissions }
    }

    fn of(seat: &Seat) -> Self {
        let name = seat.name.as_str().to_owned();
        let (ticket, permissions) = (seat.ticket, seat.permissions);
        Self { ticket, name, is_attached: seat.is_attached(), permissions }
    }
}

/// Whether the operation, or the end of the room at that time, is why that participant has left.
fn check_reason(seat: &Seat, op: &Op, ended_at: Option<Timestamp>, reason: EventLeaveReason) {
    let id = seat.id;
    let holds = match reason {
        EventLeaveReason::Kicked => {
            matches!(op, Op::Kick { participant, .. } if *participant == id)
                || matches!(
                    op,
                    Op::Moderate {
                        moderation: Moderation::Ban(kicked) | Moderation::Kick(kicked),
                        ..
                    } if *kicked == id
                )
        }
        EventLeaveReason::Left => {
            matches!(op, Op::Leave { attachment, .. } if *attachment == seat.attachment)
        }
        // Of whoever is detached by this operation it is seen nowhere else.
        EventLeaveReason::Lost => {
            !seat.is_attached()
                || matches!(op, Op::Detach { attachment, .. } if *attachment == seat.attachment)
        }
        EventLeaveReason::RoomClosed => ended_at.is_some_and(|end| match seat.presence {
            Presence::Attached => true,
            Presence::Detached { until, .. } => until > end,
        }),
        other => panic!("a reason that this test does not know: {other:?}"),
    };
    assert!(holds, "{id:?} has not left by {op:?} as {reason:?}");
}
