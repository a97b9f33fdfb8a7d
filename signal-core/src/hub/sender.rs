//! The participant that a message of a connection comes from.

use crate::ids::{ConnId, ParticipantId, RoomId, Ticket};

/// The sender of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) conn: ConnId,
    pub(super) room: RoomId,
    pub(super) id: ParticipantId,
    pub(super) ticket: Ticket,
}
