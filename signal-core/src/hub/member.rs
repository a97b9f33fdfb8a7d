//! A participant that this node serves.

use bytes::Bytes;

use super::replay::Replay;
use super::showing::Showing;
use crate::config::ReplayLimit;
use crate::ids::{Attachment, ConnId};
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;

/// Somebody who was sent `joined` here: with a socket, or in v2 also without one for a while.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) protocol: ProtocolVersion,
    /// Its socket, or the one it had last.
    pub(super) attachment: Attachment,
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
    pub(super) fn new(protocol: ProtocolVersion, attachment: Attachment, generation: u32) -> Self {
        Self {
            protocol,
            attachment,
            generation,
            conn: Some(attachment.conn),
            received: 0,
            showing: Showing::default(),
            replay: Replay::default(),
        }
    }

    /// Numbers and keeps a message for a replay, which only v2 has.
    pub(super) fn record(&mut self, frame: &Bytes, limit: &ReplayLimit, now: Timestamp) {
        match self.protocol {
            ProtocolVersion::V1 => {}
            ProtocolVersion::V2 => self.replay.push(frame.clone(), limit, now),
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
