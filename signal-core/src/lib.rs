//! Sans-IO signaling engine for WebRTC rooms.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod error;
mod ids;
mod message;
mod text;
pub mod wire;

pub use error::ErrorCode;
pub use ids::{ConnId, IdSuffix, InvalidId, Link, NodeId, OpId, ParticipantId, RoomId, Ticket};
pub use message::{ClientMessage, Participant, Payload, ServerMessage, Signal, SignalKind};
pub use text::Language;
