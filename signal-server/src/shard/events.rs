//! The events of rooms, on their way to the host application.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashMap;
use signal_core::RoomId;
use signal_core::room::event::RoomEvent;
use thiserror::Error;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// The events of the rooms of a server, from [`ServerHandle::events`](crate::ServerHandle::events)
/// or [`Builder::events`](crate::Builder::events).
///
/// The events of one room are in order. On a server with a data directory or a store, an event is
/// delivered when the record that it is part of is saved, or when saving fails and the record holds
/// in memory only. A receiver that does not keep up loses the oldest events, and learns how many.
/// Later events are complete again.
#[derive(Debug)]
pub struct RoomEvents(Receiver<Notice>);

/// Events were lost because more than 1024 waited for the receiver or for the store.
/// [`ServerHandle::rooms`](crate::ServerHandle::rooms) returns the current state.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{count} events of rooms were lost")]
#[non_exhaustive]
pub struct EventsLost {
    /// How many events were lost.
    pub count: u64,
}

impl RoomEvents {
    /// Waits for the next event, or for the number of events that were lost since the previous one.
    /// Returns `None` when the server has ended. No event is lost if this future is dropped.
    pub async fn next(&mut self) -> Option<Result<RoomEvent, EventsLost>> {
        match self.0.recv().await {
            Ok(Notice::Event(event)) => Some(Ok(*event)),
            Ok(Notice::Lost(count)) | Err(RecvError::Lagged(count)) => {
                Some(Err(EventsLost { count }))
            }
            Err(RecvError::Closed) => None,
        }
    }

    /// The events of a server that has ended.
    pub(crate) fn ended() -> Self {
        EventSender::new().subscribe()
    }
}

/// Where the events of all shards go.
#[derive(Clone)]
pub(crate) struct EventSender {
    sender: Sender<Notice>,
    /// Whether anybody has ever listened. The sender knows this too, but asking it takes a lock
    /// that all shards share.
    is_heard: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
pub(super) enum Notice {
    Event(Box<RoomEvent>),
    Lost(u64),
}

impl Notice {
    fn event(event: RoomEvent) -> Self {
        Self::Event(Box::new(event))
    }
}

impl EventSender {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::channel(MOST_WAITING).0, is_heard: Arc::default() }
    }

    pub(crate) fn subscribe(&self) -> RoomEvents {
        let receiver = self.sender.subscribe();
        self.is_heard.store(true, Ordering::Release);
        RoomEvents(receiver)
    }

    fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    /// Sends to the receivers. This takes a lock that all shards share.
    pub(super) fn tell(&self, notice: Notice) {
        // Nobody listens any more.
        let _ = self.sender.send(notice);
    }
}

impl fmt::Debug for EventSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventSender(..)")
    }
}

/// The events of one shard. Events whose record is not saved yet wait here.
#[derive(Debug)]
pub(super) struct Events {
    sender: EventSender,
    to_tell: Vec<Notice>,
    waiting: FxHashMap<RoomId, VecDeque<RoomEvent>>,
    count: usize,
    lost: u64,
}

impl Events {
    pub(super) fn new(sender: EventSender) -> Self {
        Self { sender, to_tell: Vec::new(), waiting: FxHashMap::default(), count: 0, lost: 0 }
    }

    /// Sends events at once.
    pub(super) fn tell(&mut self, events: Vec<RoomEvent>) {
        if self.sender.is_heard() {
            self.to_tell.extend(events.into_iter().map(Notice::event));
        }
    }

    /// Sends events when a record of their version is saved. If too many wait while a store hangs,
    /// all of them are lost, so that later events have no gap.
    pub(super) fn tell_when_saved(&mut self, events: Vec<RoomEvent>) {
        // Nobody gets events from before the first receiver.
        if !self.sender.is_heard() {
            return;
        }
        for event in events {
            if self.count == MOST_WAITING {
                self.lost += MOST_WAITING as u64;
                self.waiting.clear();
                self.count = 0;
            }
            self.count += 1;
            self.waiting.entry(event.key.room).or_default().push_back(event);
        }
    }

    /// Sends the events of a record that is saved, or holds in memory only.
    pub(super) fn saved(&mut self, room: RoomId, version: u64) {
        if self.lost > 0 {
            self.to_tell.push(Notice::Lost(mem::take(&mut self.lost)));
        }
        let Some(waiting) = self.waiting.get_mut(&room) else { return };
        while let Some(event) = waiting.pop_front_if(|event| event.key.version <= version) {
            self.count -= 1;
            self.to_tell.push(Notice::event(event));
        }
        if waiting.is_empty() {
            self.waiting.remove(&room);
        }
    }

    pub(super) fn has_to_tell(&self) -> bool {
        !self.to_tell.is_empty()
    }

    /// Takes the events to send now, in order.
    pub(super) fn take_to_tell(&mut self) -> Vec<Notice> {
        mem::take(&mut self.to_tell)
    }

    /// Forgets the events of a room that is withdrawn.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.count -= self.waiting.remove(&room).map_or(0, |events| events.len());
    }
}

const MOST_WAITING: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use signal_core::Timestamp;
    use signal_core::room::{Capacity, IdSuffix, OnCreatorLeave, Room, RoomSpec, TokenHash};

    use super::*;

    fn opened() -> RoomEvent {
        let now = Timestamp::from_millis(1_764_943_200_000);
        let room = Room::create(RoomSpec {
            id: RoomId::from_indices([1; 6]),
            epoch: 1,
            name: "room".into(),
            creator: Some("alice".into()),
            password: None,
            invite: TokenHash::new([9; 32]),
            capacity: Capacity::default(),
            created_at: now,
            expires_at: now + Duration::from_secs(60),
            on_creator_leave: OnCreatorLeave::Close,
            suffix: IdSuffix::new(1),
        });
        room.events_since(None, now).remove(0)
    }

    #[test]
    fn what_follows_the_events_that_a_hanging_store_has_cost_is_whole() {
        let sender = EventSender::new();
        let mut heard = sender.subscribe();
        let mut events = Events::new(sender.clone());
        let event = opened();
        let room = event.key.room;
        let numbered = (0..=MOST_WAITING as u64).map(|version| {
            let mut event = event.clone();
            event.key.version = version;
            event
        });
        events.tell_when_saved(numbered.collect());
        let mut next = |events: &mut Events| {
            events.take_to_tell().into_iter().for_each(|told| sender.tell(told));
            heard.next().now_or_never().flatten()
        };
        // The store goes on with another room.
        events.saved(RoomId::from_indices([2; 6]), 1);
        assert_eq!(next(&mut events), Some(Err(EventsLost { count: MOST_WAITING as u64 })));
        events.saved(room, MOST_WAITING as u64);
        let last = next(&mut events).unwrap().unwrap();
        assert_eq!(last.key.version, MOST_WAITING as u64);
        assert_eq!(next(&mut events), None);
    }
}
