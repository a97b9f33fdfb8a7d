//! What a participant learns about its room.

use bytes::Bytes;
use signal_core::{Participant as Member, ParticipantId};

use crate::track::RemoteTrack;

/// Something that happened in the room, in the order in which this participant learned of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The room is over for this participant; the last event.
    Closed(CloseReason),
    /// The connection to another participant changed.
    ConnectionState {
        /// To whom.
        participant: ParticipantId,
        /// How it is.
        state: ConnectionState,
    },
    /// Data from another participant.
    Data {
        /// From whom.
        participant: ParticipantId,
        /// What it sent; for text its UTF-8.
        data: Bytes,
    },
    /// Data can be sent to another participant from here on.
    DataChannelOpen {
        /// To whom.
        participant: ParticipantId,
    },
    /// The application took events too slowly, and this many were dropped.
    Lagged {
        /// How many.
        dropped: u64,
    },
    /// Somebody entered the room.
    ParticipantJoined(Member),
    /// Somebody is gone for good.
    ParticipantLeft(ParticipantId),
    /// The server refused something this participant sent.
    SignalingError {
        /// The stable reason.
        code: String,
        /// The reason for people.
        message: String,
    },
    /// Another participant's audio or video has begun to arrive.
    Track(RemoteTrack),
}

/// How a connection to another participant is (W3C WebRTC section 4.4.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// ICE and DTLS are done; media flows.
    Connected,
    /// It is being set up.
    Connecting,
    /// Nothing has come for some seconds; it may recover by itself.
    Disconnected,
    /// It is beyond recovery and given up, after it was rebuilt a few times.
    Failed,
}

/// Why the room is over for this participant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This participant left.
    Left,
    /// A newer connection with the same token took the seat.
    Replaced,
    /// The room was closed, with the server's text for people.
    RoomClosed {
        /// Why.
        reason: String,
    },
    /// The signaling connection broke off.
    SignalingLost {
        /// How.
        reason: String,
    },
}
