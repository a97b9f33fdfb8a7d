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
    frames: Vec<Bytes>,
    bytes: usize,
}

impl Held {
    pub(super) fn push(&mut self, frame: Bytes) {
        // Empty frames take memory too.
        self.bytes += frame.len() + size_of::<Bytes>();
        self.frames.push(frame);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_frames(self) -> Vec<Bytes> {
        self.frames
    }
}
