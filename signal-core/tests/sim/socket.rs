//! The socket of a participant: two directions, each in order, each of which may break off.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use signal_core::hub::NodeId;
use signal_core::{ProtocolVersion, RoomId, Timestamp};

pub struct Socket {
    /// Whose it is.
    pub participant: usize,
    pub room: RoomId,
    pub node: NodeId,
    pub protocol: ProtocolVersion,
    /// When the last frame of each direction arrives: none overtakes another.
    up: Timestamp,
    down: Timestamp,
    /// When the socket broke, for each direction: nothing arrives after that.
    cut_up: Option<Timestamp>,
    cut_down: Option<Timestamp>,
    /// Whether the participant has closed it or learned of its end.
    pub is_done: bool,
    /// What the participant has not read, while it does not read.
    pub unread: Option<VecDeque<Down>>,
}

/// What travels to the server.
#[derive(Clone, Debug)]
pub enum Up {
    /// The participant closes the socket.
    Close,
    /// The socket breaks.
    Cut,
    /// A frame, with its number in the ledger.
    Frame(Bytes, Option<u64>),
}

/// What travels to the participant.
#[derive(Clone, Debug)]
pub enum Down {
    /// The server closes the socket.
    Close(u16),
    /// The socket breaks.
    Cut,
    Frame(Bytes),
}

impl Socket {
    pub fn new(
        participant: usize,
        room: RoomId,
        node: NodeId,
        protocol: ProtocolVersion,
        now: Timestamp,
    ) -> Self {
        Self {
            participant,
            room,
            node,
            protocol,
            up: now,
            down: now,
            cut_up: None,
            cut_down: None,
            is_done: false,
            unread: None,
        }
    }

    /// When something that is sent now arrives at the server.
    pub fn arrival_up(&mut self, delay: u64, now: Timestamp) -> Timestamp {
        self.up = self.up.max(now + Duration::from_millis(delay));
        self.up
    }

    /// When something that is sent now arrives at the participant.
    pub fn arrival_down(&mut self, delay: u64, now: Timestamp) -> Timestamp {
        self.down = self.down.max(now + Duration::from_millis(delay));
        self.down
    }

    /// Breaks: each end learns of it in its own time.
    pub fn cut(&mut self, up: Timestamp, down: Timestamp) {
        self.cut_up.get_or_insert(up);
        self.cut_down.get_or_insert(down);
    }

    pub fn is_cut(&self) -> bool {
        self.cut_up.is_some()
    }

    pub fn carries_up(&self, now: Timestamp) -> bool {
        self.cut_up.is_none_or(|cut| now <= cut)
    }

    pub fn carries_down(&self, now: Timestamp) -> bool {
        self.cut_down.is_none_or(|cut| now <= cut)
    }
}
