//! One member: a participant that this node serves.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::account::Account;
use super::profile::ProfileUpdates;
use super::replay::Replay;
use crate::config::ReplayLimit;
use crate::ids::{Attachment, ConnId, ParticipantId, Ticket};
use crate::message::PeerUpdate;
use crate::protocol::ProtocolVersion;
use crate::room::Seat;
use crate::time::Timestamp;

/// A participant that was sent `joined` here. In v2 it may be without a socket for a while.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) ticket: Ticket,
    /// What its ticket has used up.
    pub(super) account: Account,
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
    /// The participants whose newest name or state this one has not got yet, since too much waited
    /// for it.
    pub(super) owed: BTreeMap<ParticipantId, Owed>,
    replay: Replay,
}

/// What a participant has yet to learn about another. The value that it gets is the newest one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owed {
    pub(super) name: bool,
    pub(super) state: bool,
}

impl Member {
    pub(super) fn new(seat: &Seat, attachment: Attachment, account: Account) -> Self {
        Self {
            ticket: seat.ticket,
            account,
            protocol: seat.protocol,
            attachment,
            generation: seat.generation,
            conn: Some(attachment.conn),
            received: 0,
            profile: ProfileUpdates::default(),
            owed: BTreeMap::new(),
            replay: Replay::default(),
        }
    }

    /// Numbers a message and keeps it for a replay; `false` in v1, which has neither.
    pub(super) fn keep(&mut self, frame: &Bytes, limit: &ReplayLimit, now: Timestamp) -> bool {
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

impl Owed {
    pub(super) fn add(&mut self, update: &PeerUpdate) {
        self.name |= update.name.is_some();
        self.state |= update.state.is_some();
    }
}
