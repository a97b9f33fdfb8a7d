//! The frames between the hubs of two nodes.

mod bytes;

use crate::error::ErrorCode;
use crate::ids::{ParticipantId, RoomId};
use crate::message::{RequestId, Signal, SignalKind, Topic};
use crate::payload::Payload;

/// A message to participants of another node, or the refusal of one.
///
/// It names the record that its sender knew, and the generations of seats. The receiving hub waits
/// for that record, and drops a frame for an older generation. The host carries it from node to
/// node, [as bytes](Self::to_bytes) if they are processes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeFrame {
    /// The room.
    pub room: RoomId,
    /// The room's epoch.
    pub epoch: u64,
    /// The version of the record that its sender knew.
    pub version: u64,
    /// The sender.
    pub from: NodeSender,
    /// The addressee.
    pub to: NodeReceiver,
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

/// Who a [`NodeFrame`] is from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NodeSender {
    /// The host.
    Host,
    /// A participant.
    Seat(SeatRef),
}

/// Who a [`NodeFrame`] is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NodeReceiver {
    /// The host, whose message was refused.
    Host,
    /// Every participant of the room that the node serves.
    Room,
    /// A participant.
    Seat(SeatRef),
}

impl NodeSender {
    /// The seat, if it is a participant's.
    pub fn seat(self) -> Option<SeatRef> {
        match self {
            Self::Host => None,
            Self::Seat(seat) => Some(seat),
        }
    }
}

impl NodeReceiver {
    /// The seat, if it is one participant's.
    pub fn seat(self) -> Option<SeatRef> {
        match self {
            Self::Host | Self::Room => None,
            Self::Seat(seat) => Some(seat),
        }
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
