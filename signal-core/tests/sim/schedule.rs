//! Future events, by time.

use std::collections::BTreeMap;
use std::time::Duration;

use signal_core::Timestamp;

/// Events in the order of their time; of the same moment, in the order in which they were put in.
#[derive(Debug)]
pub struct Schedule<E> {
    now: Timestamp,
    count: u64,
    events: BTreeMap<(Timestamp, u64), E>,
}

impl<E> Schedule<E> {
    pub fn new(now: Timestamp) -> Self {
        Self { now, count: 0, events: BTreeMap::new() }
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn at(&mut self, time: Timestamp, event: E) {
        self.count += 1;
        self.events.insert((time.max(self.now), self.count), event);
    }

    pub fn after(&mut self, millis: u64, event: E) {
        self.at(self.now + Duration::from_millis(millis), event);
    }

    /// Takes the next event that is due by then and moves on to its time.
    pub fn pop(&mut self, until: Timestamp) -> Option<E> {
        let entry = self.events.first_entry()?;
        let (time, _) = *entry.key();
        if time > until {
            return None;
        }
        self.now = time;
        Some(entry.remove())
    }

    /// Moves on to that time, if it is still to come.
    pub fn pass(&mut self, until: Timestamp) {
        self.now = self.now.max(until);
    }
}
