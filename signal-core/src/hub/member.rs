//! A participant that this node serves.

use bytes::Bytes;

use super::replay::Replay;
use super::showing::Showing;
use crate::config::ReplayLimit;
use crate::dialect::Dialect;
use crate::ids::{ConnId, Link};
use crate::time::Timestamp;

/// Somebody who was sent `joined` here: with a socket, or in v2 also without one for a while.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) dialect: Dialect,
    /// Its socket, or the one it had last.
    pub(super) link: Link,
    /// Of its seat when it entered; another one in a record means that it has moved on without this node.
    pub(super) generation: u32,
    /// `None` while it is detached.
    pub(super) conn: Option<ConnId>,
    /// How many messages were taken from it.
    pub(super) received: u64,
    pub(super) showing: Showing,
    replay: Replay,
}

impl Member {
    pub(super) fn new(dialect: Dialect, link: Link, generation: u32) -> Self {
        Self {
            dialect,
            link,
            generation,
            conn: Some(link.conn),
            received: 0,
            showing: Showing::default(),
            replay: Replay::default(),
        }
    }

    /// Numbers and keeps a message for a replay, which only v2 has.
    pub(super) fn record(&mut self, frame: &Bytes, limit: &ReplayLimit, now: Timestamp) {
        match self.dialect {
            Dialect::V1 => {}
            Dialect::V2 => self.replay.push(frame.clone(), limit, now),
        }
    }

    /// Forgets what is too old to be sent again.
    pub(super) fn trim(&mut self, limit: &ReplayLimit, now: Timestamp) {
        self.replay.trim(limit, now);
    }

    pub(super) fn replay(&self) -> &Replay {
        &self.replay
    }
}
