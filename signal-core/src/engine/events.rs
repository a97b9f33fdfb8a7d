//! Events that inform the host and need no action.

use std::collections::{BTreeSet, VecDeque};

use crate::ids::ConnId;
use crate::message::HostMessageRefusal;
use crate::room::event::RoomEvent;

/// An event that informs the host and needs no action, from
/// [`Engine::poll_event`](crate::Engine::poll_event).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Something has happened in a room. The events of one room are in order. With
    /// [`EngineConfig::saves`](crate::EngineConfig::saves) an event is reported once the record
    /// that it is part of is written.
    Room(RoomEvent),
    /// A message of the host was not delivered to a participant that was still entering when it was
    /// [sent](crate::Engine::send).
    Refused(HostMessageRefusal),
    /// Messages were dropped because their sender is over its rate. It is reported once until it is
    /// taken, and after the events of rooms.
    OverRate {
        /// The connection of the sender.
        conn: ConnId,
    },
    /// Events were dropped because more than
    /// [`EngineConfig::max_events`](crate::EngineConfig::max_events) waited for the host.
    Dropped {
        /// How many.
        count: u64,
    },
}

/// The events that wait for the host.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<Event>,
    /// Senders over their rate, apart from the queue, so that they take no space from other events.
    over_rate: BTreeSet<ConnId>,
    dropped: u64,
}

impl Events {
    /// Adds an event. Over the limit the oldest is dropped.
    pub(super) fn push(&mut self, event: Event, most: usize) {
        // A host without use for events is not told of dropped ones either.
        if most == 0 {
            return;
        }
        if self.queue.len() == most {
            self.queue.pop_front();
            self.count_dropped(1);
        }
        self.queue.push_back(event);
    }

    /// Notes a sender that is over its rate.
    pub(super) fn push_over_rate(&mut self, conn: ConnId, most: usize) {
        if self.over_rate.len() < most {
            self.over_rate.insert(conn);
        }
    }

    /// Counts events that were dropped.
    pub(super) fn count_dropped(&mut self, count: usize) {
        self.dropped += count as u64;
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        match std::mem::take(&mut self.dropped) {
            0 => self.queue.pop_front().or_else(|| {
                let conn = self.over_rate.pop_first()?;
                Some(Event::OverRate { conn })
            }),
            count => Some(Event::Dropped { count }),
        }
    }
}
