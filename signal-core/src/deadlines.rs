//! Deadlines of rooms or connections, in a queue that finds the next one without a scan.

use std::collections::BTreeSet;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::time::Timestamp;

/// One deadline per key, ordered by time.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    by_time: BTreeSet<(Timestamp, K)>,
    by_key: FxHashMap<K, Timestamp>,
}

impl<K: Copy + Eq + Hash + Ord> Deadlines<K> {
    /// Sets or clears a key's deadline.
    pub(crate) fn set(&mut self, key: K, deadline: Option<Timestamp>) {
        let previous = match deadline {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if previous == deadline {
            return;
        }
        if let Some(at) = previous {
            self.by_time.remove(&(at, key));
        }
        if let Some(at) = deadline {
            self.by_time.insert((at, key));
        }
    }

    /// Removes and returns one key whose deadline has come.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<K> {
        let &(at, key) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.set(key, None);
        Some(key)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The keys with a deadline, the earliest first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        self.by_time.iter().map(|(_, key)| *key)
    }
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_key: FxHashMap::default() }
    }
}
