//! Records that the host has to write, and the answers that wait for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::identity::Identity;
use crate::ids::{OpId, ParticipantId, RoomId};
use crate::room::event::{RoomEvent, RoomEventKind};
use crate::room::{Durability, Receipt, Reject, Room};
use crate::store::Applied;

/// A room to write to the host's store, or to remove from it, from
/// [`Engine::poll_save`](crate::Engine::poll_save).
///
/// Hand it back to [`handle_saved`](crate::Engine::handle_saved) when that is done. Until then
/// messages that depend on it are held back, and no newer record of the same room comes out. If a
/// write fails, try it again, or report it as done to go on in memory only.
#[derive(Debug)]
#[must_use = "write it, then hand it to `Engine::handle_saved`"]
pub struct Save {
    room: RoomId,
    record: Option<Arc<Room>>,
    seats: Vec<(ParticipantId, Option<Arc<Identity>>)>,
    events: Arc<[RoomEvent]>,
}

impl Save {
    /// The room.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// The record to write in place of the older one; `None` if the room is to be removed.
    pub fn record(&self) -> Option<&Arc<Room>> {
        self.record.as_ref()
    }

    /// The identities of the participants that have entered since the previous record, or whose
    /// attributes have changed, to write beside the record; `None` for a participant that has left
    /// or has no identity any more, which is to be removed.
    /// Write both in one transaction, and remove the identities of a room with it. Hand them to
    /// [`restore`](crate::Engine::restore) after a restart.
    pub fn seats(&self) -> &[(ParticipantId, Option<Arc<Identity>>)] {
        &self.seats
    }

    /// The events since the previous record, except those beyond
    /// [`EngineConfig::max_events`](crate::EngineConfig::max_events).
    /// [`poll_event`](crate::Engine::poll_event) returns the same events afterwards. A host that
    /// must not lose an event in a crash writes them in the transaction that writes the record, and
    /// reports them from there.
    pub fn events(&self) -> &[RoomEvent] {
        &self.events
    }
}

/// The rooms with something to write.
#[derive(Debug, Default)]
pub(super) struct Saves {
    rooms: FxHashMap<RoomId, Unsaved>,
    /// The rooms of which a write may be handed out.
    queue: VecDeque<RoomId>,
    /// How many events wait in all rooms.
    events: usize,
}

/// What is not written of one room: at most one write under way and one that waits.
#[derive(Debug, Default)]
struct Unsaved {
    /// What the host is writing.
    writing: Option<Write>,
    /// What it writes next.
    next: Option<Write>,
}

/// A record to write.
#[derive(Debug)]
struct Write {
    /// `None` if the room is to be removed.
    record: Option<Arc<Room>>,
    /// The identities to write, or `None` to remove one that may have been written.
    seats: BTreeMap<ParticipantId, Option<Arc<Identity>>>,
    announcement: Announcement,
}

/// What is announced when a record is written.
#[derive(Debug, Default)]
pub(super) struct Announcement {
    /// The newest record to publish after the write; `None` if nobody waits.
    pub(super) record: Option<Arc<Room>>,
    pub(super) answers: Vec<Answer>,
    pub(super) events: Vec<RoomEvent>,
}

/// Who waits for a change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// The hub, which asked for the change.
    Hub { op: OpId, reply: Result<Receipt, Reject> },
    /// The hub, which did not ask for it.
    Record,
}

impl Saves {
    /// Adds the result of an operation. Returns the answer if it does not have to wait.
    pub(super) fn add(&mut self, applied: &Applied, answer: Answer) -> Option<Answer> {
        let Some(record) = &applied.record else { return Some(answer) };
        let room = record.id();
        let waiting = match applied.durability {
            Durability::BeforeAnswer => Some(self.put(room, Some(Arc::clone(record)))),
            Durability::Grouped => {
                self.put(room, Some(Arc::clone(record)));
                self.last_awaited(room)
            }
            Durability::Volatile => self.last_awaited(room),
        };
        let Some(announcement) = waiting else { return Some(answer) };
        announcement.record = Some(Arc::clone(record));
        // The newest record is announced once, even if it was added several times during a write.
        let is_repeated =
            matches!((announcement.answers.last(), answer), (Some(Answer::Record), Answer::Record));
        if !is_repeated {
            announcement.answers.push(answer);
        }
        None
    }

    /// Has a record written, in place of an older one that waits.
    pub(super) fn put(&mut self, room: RoomId, record: Option<Arc<Room>>) -> &mut Announcement {
        let unsaved = self.rooms.entry(room).or_default();
        if unsaved.next.is_none() && unsaved.writing.is_none() {
            self.queue.push_back(room);
        }
        let (seats, announcement) =
            unsaved.next.take().map(|next| (next.seats, next.announcement)).unwrap_or_default();
        &mut unsaved.next.insert(Write { record, seats, announcement }).announcement
    }

    /// Adds the identities of the participants that entered by these events.
    pub(super) fn add_seats(&mut self, room: RoomId, events: &[RoomEvent]) {
        let next = self.rooms.get_mut(&room).and_then(|unsaved| unsaved.next.as_mut());
        let Some(seats) = next.map(|next| &mut next.seats) else { return };
        for event in events {
            let (came, left) = match &event.kind {
                RoomEventKind::Joined { participant } => (Some(participant), None),
                // Written anew, or removed if it is empty now.
                RoomEventKind::AttributesChanged { participant } => {
                    (Some(participant), Some(participant.id))
                }
                RoomEventKind::Replaced { participant, replaces } => {
                    (Some(participant), Some(*replaces))
                }
                RoomEventKind::Left { participant, .. } => (None, Some(participant.id)),
                RoomEventKind::Changed(_)
                | RoomEventKind::Closed { .. }
                | RoomEventKind::Detached { .. }
                | RoomEventKind::Opened
                | RoomEventKind::PasswordLocked
                | RoomEventKind::PasswordUnlocked
                | RoomEventKind::PermissionsChanged { .. }
                | RoomEventKind::Renamed { .. }
                | RoomEventKind::Resumed { .. } => (None, None),
            };
            // An identity that waits may replace one that is written, so it is not just dropped.
            if let Some(id) = left {
                seats.insert(id, None);
            }
            if let Some(participant) = came.filter(|came| !came.identity.is_empty()) {
                seats.insert(participant.id, Some(Arc::clone(&participant.identity)));
            }
        }
    }

    /// Adds events, to be reported when the next record of the room is written. Returns how many
    /// are dropped because too many wait.
    pub(super) fn add_events(
        &mut self,
        room: RoomId,
        events: Vec<RoomEvent>,
        most: usize,
    ) -> usize {
        let taken = events.len().min(most.saturating_sub(self.events));
        let dropped = events.len() - taken;
        if let Some(next) = self.rooms.get_mut(&room).and_then(|unsaved| unsaved.next.as_mut()) {
            self.events += taken;
            next.announcement.events.extend(events.into_iter().take(taken));
        }
        dropped
    }

    /// The next record to write.
    pub(super) fn take(&mut self) -> Option<Save> {
        let room = self.queue.pop_front()?;
        let unsaved = self.rooms.get_mut(&room)?;
        let mut write = unsaved.next.take()?;
        let seats = std::mem::take(&mut write.seats).into_iter().collect();
        let events = write.announcement.events.as_slice().into();
        let save = Save { room, record: write.record.clone(), seats, events };
        unsaved.writing = Some(write);
        Some(save)
    }

    /// Handles a record that the host has written. Returns what is to be announced.
    pub(super) fn saved(&mut self, room: RoomId) -> Announcement {
        let Some(unsaved) = self.rooms.get_mut(&room) else { return Announcement::default() };
        let announcement =
            unsaved.writing.take().map(|write| write.announcement).unwrap_or_default();
        self.events -= announcement.events.len();
        if unsaved.next.is_some() {
            self.queue.push_back(room);
        } else {
            self.rooms.remove(&room);
        }
        announcement
    }

    /// Whether nothing is left to write.
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// The last write of that room with waiting answers, if there is one. A change is never
    /// announced before an earlier one.
    fn last_awaited(&mut self, room: RoomId) -> Option<&mut Announcement> {
        let Unsaved { writing, next } = self.rooms.get_mut(&room)?;
        let writes = [next.as_mut(), writing.as_mut()].into_iter().flatten();
        writes
            .map(|write| &mut write.announcement)
            .find(|announcement| !announcement.answers.is_empty())
    }
}
