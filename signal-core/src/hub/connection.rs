//! What a hub knows of one connection.

use bytes::Bytes;

use crate::ids::{ParticipantId, RoomId};
use crate::language::Language;

/// A connection from its opening until the hub closes it or it is lost.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) room: RoomId,
    pub(super) language: Language,
    pub(super) phase: Phase,
    /// Bytes handed out and not acknowledged.
    pub(super) unsent_bytes: usize,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// The store has not answered yet; what the participant already sends waits.
    Entering(Held),
    /// It has left; the store has not answered yet and nothing it sends counts.
    Leaving,
    /// In the room.
    Seated(ParticipantId),
}

/// Frames that wait for their connection to be seated.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) frames: Vec<Bytes>,
    pub(super) bytes: usize,
}
