//! The events of a room, for a host that bills, logs or shows presence.

use std::sync::Arc;

use super::{Capacity, Room, Seat, Status};
use crate::identity::{Attributes, Identity};
use crate::ids::{ParticipantId, RoomId, Ticket};
use crate::name::DisplayName;
use crate::permissions::Permissions;
use crate::reason::{CloseReason, LeaveReason};
use crate::time::Timestamp;

/// Something that has happened in a room.
///
/// Events are the difference between a record and the previous one. Only the node that applied an
/// operation has its events, so each event occurs once over all nodes of a store. That node may die
/// once the store has the record, or not get the answer of the store. So the nodes of a cluster
/// write events in the transaction of the record, and report them from there, as in the
/// [guide](crate::guide::nodes).
///
/// # What a crash repeats
///
/// A host reports the events of an operation once a record of their [version](EventKey::version) or
/// a newer one is written, or writes them in the same transaction. Then no reported event is
/// undone, and no key gets another meaning. If the process dies before the record is written,
/// neither the operation nor its event has happened. The loss of sockets in a restart has the same
/// [key](Self::key) and the same meaning each time, until a record with it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RoomEvent {
    /// Identifies the event for all time, if events are reported as
    /// [above](RoomEvent#what-a-crash-repeats).
    pub key: EventKey,
    /// When it took effect. For an expiry this is the deadline itself, not when it was noticed.
    pub at: Timestamp,
    /// The room's creator, in the host's own terms, if there is one.
    pub creator: Option<Arc<str>>,
    /// The host's own data of the room, if there is any.
    pub data: Option<Attributes>,
    /// What has happened.
    pub kind: RoomEventKind,
}

/// Identifies an event. Later events of a room have larger keys.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventKey {
    /// The room.
    pub room: RoomId,
    /// The room's [epoch](Room::epoch).
    pub epoch: u64,
    /// The [version](Room::version) of the record that the event is part of.
    pub version: u64,
    /// The position among the events of that version.
    pub position: u32,
}

/// What has happened in a room.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RoomEventKind {
    /// The room was created.
    Opened,
    /// The room is over. Everybody in it has [left](Self::Left) before.
    Closed {
        /// The reason.
        reason: CloseReason,
    },
    /// A participant has taken a seat.
    Joined {
        /// The participant.
        participant: EventParticipant,
    },
    /// A participant has left its seat.
    Left {
        /// The participant.
        participant: EventParticipant,
        /// The reason.
        reason: EventLeaveReason,
    },
    /// A participant has entered again with the same token, and has another id from now on.
    Replaced {
        /// The participant.
        participant: EventParticipant,
        /// The id that it had before, for which there is no [`Left`](Self::Left).
        replaces: ParticipantId,
    },
    /// The socket of a participant is lost, and its seat is kept for a while.
    Detached {
        /// The participant.
        participant: EventParticipant,
        /// When the seat ends unless the participant resumes.
        until: Timestamp,
    },
    /// A participant has a new socket.
    Resumed {
        /// The participant.
        participant: EventParticipant,
        /// Whether it gets every message that it has missed.
        continued: bool,
    },
    /// A participant has another name.
    Renamed {
        /// The participant.
        participant: EventParticipant,
    },
    /// The host has given a participant other attributes.
    AttributesChanged {
        /// The participant.
        participant: EventParticipant,
    },
    /// The host has given a participant other permissions.
    PermissionsChanged {
        /// The participant.
        participant: EventParticipant,
    },
    /// Settings of the room are different.
    Changed(ChangedSettings),
    /// The password attempts have run out. No password opens the room for a while.
    PasswordLocked,
    /// All password attempts are available again.
    PasswordUnlocked,
}

/// A participant, as an event names it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EventParticipant {
    /// Its id.
    pub id: ParticipantId,
    /// The ticket that its token names.
    pub ticket: Ticket,
    /// Its name.
    pub name: DisplayName,
    /// Who it is, in the host's own terms.
    pub identity: Arc<Identity>,
    /// What it may do.
    pub permissions: Permissions,
}

/// Why a participant has left.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EventLeaveReason {
    /// It was kicked.
    Kicked,
    /// It left.
    Left,
    /// Its socket was lost and it did not resume in time.
    Lost,
    /// The room is over.
    RoomClosed,
}

/// The settings of a room that are different; `None` for those that are not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChangedSettings {
    /// The name to show.
    pub name: Option<Arc<str>>,
    /// Whether newcomers are refused.
    pub locked: Option<bool>,
    /// How many participants the room holds.
    pub capacity: Option<Capacity>,
    /// When the room ends.
    pub expires_at: Option<Timestamp>,
    /// The host's own data, which is empty if there is none any more.
    pub data: Option<Attributes>,
    /// Whether it has a new password and invite, or the old ones are void.
    pub password: bool,
}

impl Room {
    /// The events between a record of this room and its next version, which this one is. With
    /// `None`, the event that it was created. `now` is when the operation was applied.
    #[must_use]
    pub fn events_since(&self, before: Option<&Self>, now: Timestamp) -> Vec<RoomEvent> {
        let mut events = Events { room: self, events: Vec::new() };
        match before {
            Some(before) if before.version == self.version => {}
            // Wrong passwords are still counted, but they matter no more.
            Some(before) if before.status != Status::Open => {}
            Some(before) => events.add_difference(before, now),
            None => events.add(self.created_at, RoomEventKind::Opened),
        }
        events.events
    }
}

/// The events of one version, in their order.
struct Events<'a> {
    room: &'a Room,
    events: Vec<RoomEvent>,
}

impl Events<'_> {
    fn add(&mut self, at: Timestamp, kind: RoomEventKind) {
        let Room { id: room, epoch, version, creator, data, .. } = self.room;
        let position = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let key = EventKey { room: *room, epoch: *epoch, version: *version, position };
        let (creator, data) = (creator.clone(), data.clone());
        self.events.push(RoomEvent { key, at, creator, data, kind });
    }

    fn add_difference(&mut self, before: &Room, now: Timestamp) {
        let room = self.room;
        let now = room.ended_at.unwrap_or(now);
        // Seats are in order of entry, so those in both records come first.
        let mut newer = room.seats().iter().peekable();
        for seat in before.seats() {
            match newer.next_if(|newer| newer.id == seat.id) {
                Some(newer) => self.add_change(seat, newer, now),
                None => self.add_end(seat, now),
            }
        }
        for seat in newer {
            let replaced = before.seats().iter().find(|older| older.ticket == seat.ticket);
            let participant = EventParticipant::of(seat);
            let kind = match replaced.filter(|older| self.is_replaced(older)) {
                Some(older) => RoomEventKind::Replaced { participant, replaces: older.id },
                None => RoomEventKind::Joined { participant },
            };
            self.add(now, kind);
        }
        let changed = ChangedSettings::between(before, room);
        if changed != ChangedSettings::default() {
            self.add(now, RoomEventKind::Changed(changed));
        }
        match (before.password_attempts_ran_out(), room.password_attempts_ran_out()) {
            (false, true) => self.add(now, RoomEventKind::PasswordLocked),
            (true, false) => self.add(now, RoomEventKind::PasswordUnlocked),
            (true, true) | (false, false) => {}
        }
        if let Status::Closed(reason) = room.status {
            self.add(now, RoomEventKind::Closed { reason });
        }
    }

    fn add_change(&mut self, before: &Seat, after: &Seat, now: Timestamp) {
        let participant = || EventParticipant::of(after);
        if before.attachment != after.attachment {
            let continued = before.generation == after.generation;
            self.add(now, RoomEventKind::Resumed { participant: participant(), continued });
        } else if let (true, Some(until)) = (before.is_attached(), after.detached_until()) {
            self.add(now, RoomEventKind::Detached { participant: participant(), until });
        }
        if before.name != after.name {
            self.add(now, RoomEventKind::Renamed { participant: participant() });
        }
        if before.identity != after.identity {
            self.add(now, RoomEventKind::AttributesChanged { participant: participant() });
        }
        if before.permissions != after.permissions {
            self.add(now, RoomEventKind::PermissionsChanged { participant: participant() });
        }
    }

    fn add_end(&mut self, seat: &Seat, now: Timestamp) {
        let reason = match self.room.departure(seat.id) {
            Some(LeaveReason::Kicked) => EventLeaveReason::Kicked,
            Some(LeaveReason::Left) => EventLeaveReason::Left,
            Some(LeaveReason::Lost) => EventLeaveReason::Lost,
            // The event of the seat that replaces this one reports it.
            Some(LeaveReason::Replaced) => return,
            // The record no longer has it.
            None if self.room.status == Status::Open => EventLeaveReason::Lost,
            None => EventLeaveReason::RoomClosed,
        };
        let at = match reason {
            EventLeaveReason::Lost => seat.detached_until().map_or(now, |until| until.min(now)),
            EventLeaveReason::Kicked | EventLeaveReason::Left | EventLeaveReason::RoomClosed => now,
        };
        self.add(at, RoomEventKind::Left { participant: EventParticipant::of(seat), reason });
    }

    fn is_replaced(&self, older: &Seat) -> bool {
        self.room.departure(older.id) == Some(LeaveReason::Replaced)
    }
}

impl EventParticipant {
    fn of(seat: &Seat) -> Self {
        let (name, identity) = (seat.name.clone(), Arc::clone(&seat.identity));
        let permissions = seat.permissions;
        Self { id: seat.id, ticket: seat.ticket, name, identity, permissions }
    }
}

impl ChangedSettings {
    fn between(before: &Room, after: &Room) -> Self {
        Self {
            name: (before.name != after.name).then(|| Arc::clone(&after.name)),
            locked: (before.locked() != after.locked()).then(|| after.locked()),
            capacity: (before.capacity() != after.capacity()).then(|| after.capacity()),
            expires_at: (before.expires_at != after.expires_at).then_some(after.expires_at),
            data: (before.data != after.data).then(|| after.data.clone().unwrap_or_default()),
            password: before.password_epoch() != after.password_epoch(),
        }
    }
}
