//! What the hubs of two nodes say to each other.

use crate::error::ErrorCode;
use crate::ids::{ParticipantId, RoomId};
use crate::message::{Payload, RequestId, Signal, SignalKind, Topic};

/// A message between participants that are connected to different nodes, or what became of one.
///
/// It names the record its sender went by and the generations of both seats: whoever gets it waits for that record
/// and drops what is addressed to a generation that is no more. Its form on the way between nodes is the host's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeFrame {
    /// The room.
    pub room: RoomId,
    /// The room's epoch.
    pub epoch: u64,
    /// The version of the record that its sender went by.
    pub version: u64,
    /// Who said it.
    pub from: SeatRef,
    /// For whom it is; `None` for everybody of the room at that node.
    pub to: Option<SeatRef>,
    /// What was said.
    pub body: NodeBody,
    /// Of the participant's message.
    pub req: Option<RequestId>,
}

impl NodeFrame {
    /// About how many bytes it takes to keep this.
    pub(super) fn size(&self) -> usize {
        let payload = match &self.body {
            NodeBody::Message { data, .. } => data.as_bytes().len(),
            NodeBody::Refused { .. } => 0,
            NodeBody::Signal(signal) => {
                let tracks = signal.tracks.as_ref().map_or(0, |tracks| tracks.as_bytes().len());
                signal.payload.as_bytes().len() + tracks
            }
        };
        size_of::<Self>() + payload
    }
}

/// A participant as it was when a frame was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SeatRef {
    /// The participant.
    pub id: ParticipantId,
    /// The generation of its seat.
    pub generation: u32,
}

/// What a [`NodeFrame`] carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NodeBody {
    /// A message of the application.
    Message {
        /// What it is about.
        topic: Topic,
        /// The message.
        data: Payload,
    },
    /// An earlier message from `to` to `from` was refused.
    Refused {
        /// Why.
        code: ErrorCode,
        /// Which kind of signal it was, if it was one.
        kind: Option<SignalKind>,
    },
    /// A description or candidate.
    Signal(Signal),
}
