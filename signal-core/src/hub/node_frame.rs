//! The frames between the hubs of two nodes.

use crate::error::ErrorCode;
use crate::ids::{ParticipantId, RoomId};
use crate::message::{RequestId, Signal, SignalKind, Topic};
use crate::payload::Payload;

/// A message between participants of different nodes, or the refusal of one.
///
/// It names the record that its sender went by, and the generations of both seats. The receiving
/// hub waits for that record, and drops a frame for an older generation. How a frame is encoded
/// between nodes is up to the host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeFrame {
    /// The room.
    pub room: RoomId,
    /// The room's epoch.
    pub epoch: u64,
    /// The version of the record that its sender went by.
    pub version: u64,
    /// The sender.
    pub from: SeatRef,
    /// The addressee; `None` for every participant of the room that the node serves.
    pub to: Option<SeatRef>,
    /// The message.
    pub body: NodeBody,
    /// The id of the participant's message.
    pub req: Option<RequestId>,
}

impl NodeFrame {
    /// About how many bytes of memory the frame takes.
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

/// A seat, as it was when a frame was sent.
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
    /// An application message.
    Message {
        /// The topic.
        topic: Topic,
        /// The message.
        data: Payload,
    },
    /// An earlier message from `to` to `from` was refused.
    Refused {
        /// The reason.
        code: ErrorCode,
        /// The kind of signal, if the message was one.
        kind: Option<SignalKind>,
    },
    /// A session description or ICE candidate.
    Signal(Signal),
}
