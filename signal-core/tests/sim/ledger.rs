//! Every message between participants, and what happened to it.

use signal_core::hub::NodeId;
use signal_core::{ParticipantId, RoomId};

use crate::frame::number;

/// Numbers the messages; the number is in their payload, so that they are known wherever they turn
/// up.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
}

#[derive(Debug)]
pub struct Entry {
    pub room: RoomId,
    pub from: ParticipantId,
    /// The node that it was handed to, if it is the host's.
    pub via: Option<NodeId>,
    pub is_honest: bool,
    /// `None` is everybody.
    pub to: Option<ParticipantId>,
    pub kind: Kind,
    /// As far as the sender's protocol version has it.
    pub neg: Option<u32>,
    pub payload: String,
    pub fate: Fate,
    /// `None` until a hub has taken it.
    pub taken: Option<Taken>,
    /// Who has got it.
    pub heard: Vec<ParticipantId>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Answer,
    Candidate,
    Message,
    Offer,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// Dropped by the rules of negotiation, or lost with a node that died.
    Dropped,
    /// Its sender had no permission for it.
    Forbidden,
    /// Its sender was told that it was refused.
    Refused,
    /// On its way, or there.
    Sent,
}

/// How the hub that took a message knew its sender and those it was for: their generations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Taken {
    pub from: u32,
    pub to: Vec<(ParticipantId, u32)>,
}

impl Ledger {
    /// The number of the next message.
    pub fn next(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub fn entry(&self, number: u64) -> &Entry {
        &self.entries[usize::try_from(number).unwrap()]
    }

    pub fn entry_mut(&mut self, number: u64) -> &mut Entry {
        &mut self.entries[usize::try_from(number).unwrap()]
    }

    /// The node has died, and with it what the host has handed to it.
    pub fn crashed(&mut self, node: NodeId) {
        for entry in self.entries.iter_mut().filter(|entry| entry.via == Some(node)) {
            entry.fate = Fate::Dropped;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().enumerate().map(|(index, entry)| (index as u64, entry))
    }

    /// The number in a payload, if it is one of ours.
    pub fn number_in(&self, payload: &str) -> Option<u64> {
        number(payload, "m=").filter(|number| *number < self.next())
    }
}
