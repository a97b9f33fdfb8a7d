//! One member: a participant that this node serves.

use bytes::Bytes;

use super::profile::ProfileUpdates;
use super::replay::Replay;
use crate::config::ReplayLimit;
use crate::ids::{Attachment, ConnId};
use crate::protocol::ProtocolVersion;
use crate::time::Timestamp;

/// A participant that was sent `joined` here. In v2 it may be without a socket for a while.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) protocol: ProtocolVersion,
    /// Its current socket, or its last one.
    pub(super) attachment: Attachment,
    /// The generation of its seat when it entered. If a record has another one, the participant has
    /// resumed elsewhere, and this member is outdated.
    pub(super) generation: u32,
    /// Its current socket; `None` while it is detached.
    pub(super) conn: Option<ConnId>,
    /// How many messages were received from it.
    pub(super) received: u64,
    pub(super) profile: ProfileUpdates,
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
            profile: ProfileUpdates::default(),
            replay: Replay::default(),
        }
    }

    /// Numbers a message and keeps it for a replay; `false` in v1, which has neither.
    pub(super) fn record(&mut self, frame: &Bytes, limit: &ReplayLimit, now: Timestamp) -> bool {
        match self.protocol {
            ProtocolVersion::V1 => false,
            ProtocolVersion::V2 => {
                self.replay.push(frame.clone(), limit, now);
                true
            }
        }
    }

    /// Drops messages that are too old for a replay.
    pub(super) fn trim(&mut self, limit: &ReplayLimit, now: Timestamp) {
        self.replay.trim(limit, now);
    }

    pub(super) fn replay(&self) -> &Replay {
        &self.replay
    }
}
