//! A participant's frame, decoded before the hub gets it.

use bytes::Bytes;

use crate::config::HubConfig;
use crate::message::{Audience, ClientMessage, Request, RequestId};
use crate::protocol::ProtocolVersion;
use crate::wire::{self, DecodeError};

/// Decodes the frames of one connection; made by [`Hub::decoder`](crate::hub::Hub::decoder).
///
/// Decoding needs nothing of the hub's state. A host that keeps its hub behind a lock decodes in
/// the task of the connection, before it takes the lock.
#[derive(Clone, Copy, Debug)]
pub struct FrameDecoder {
    protocol: ProtocolVersion,
    max_frame_bytes: usize,
}

/// A frame that was decoded, well-formed or not.
///
/// A malformed frame is a value and not an error, since the hub charges the sender's budget before
/// it answers.
#[derive(Clone, Debug)]
pub struct ClientFrame {
    /// The length of the frame.
    pub(super) bytes: usize,
    pub(super) content: Result<Request, Malformed>,
}

/// Why a frame is not a message.
#[derive(Clone, Debug)]
pub(super) enum Malformed {
    /// It is longer than a frame may be, and was not decoded.
    TooLong,
    /// It is not JSON, or not a message of the protocol.
    Undecodable(DecodeError),
}

impl ClientFrame {
    /// The bytes to charge for the frame in a room with that many other participants. A message to
    /// everybody is charged once for each receiver, but never more than a full burst, so that it
    /// passes in the end.
    pub(super) fn charge(&self, others: usize, config: &HubConfig) -> usize {
        let copies = match &self.content {
            Ok(request) => match &request.message {
                ClientMessage::Message { to: Audience::Room, data, .. }
                    if data.as_bytes().len() <= config.max_data_bytes =>
                {
                    others
                }
                ClientMessage::Update { state, .. }
                    if state
                        .as_ref()
                        .is_none_or(|state| state.as_bytes().len() <= config.max_state_bytes) =>
                {
                    others
                }
                ClientMessage::Moderate(_) => others,
                ClientMessage::GetIceServers
                | ClientMessage::Leave
                | ClientMessage::Message { .. }
                | ClientMessage::Ping { .. }
                | ClientMessage::Signal { .. }
                | ClientMessage::Update { .. } => 1,
            },
            // Malformed messages are not free.
            Err(_) => 1,
        };
        let burst = usize::try_from(config.rate.burst_bytes).unwrap_or(usize::MAX);
        self.bytes.saturating_mul(copies).min(burst).max(self.bytes)
    }

    /// The request id of the message, if it could be read.
    pub(super) fn req(&self) -> Option<&RequestId> {
        match &self.content {
            Ok(request) => request.req.as_ref(),
            Err(Malformed::Undecodable(error)) => error.req.as_ref(),
            Err(Malformed::TooLong) => None,
        }
    }
}

impl FrameDecoder {
    pub(super) fn new(config: &HubConfig, protocol: ProtocolVersion) -> Self {
        Self { protocol, max_frame_bytes: config.max_frame_bytes }
    }

    /// Decodes one whole message.
    pub fn decode(&self, frame: &Bytes) -> ClientFrame {
        let content = if frame.len() > self.max_frame_bytes {
            Err(Malformed::TooLong)
        } else {
            wire::decode_client(frame, self.protocol).map_err(Malformed::Undecodable)
        };
        ClientFrame { bytes: frame.len(), content }
    }
}
