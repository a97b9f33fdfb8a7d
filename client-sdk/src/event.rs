//! What a participant learns about its room.

use bytes::Bytes;
use signal_core::{ParticipantId, ParticipantInfo};

use crate::channel::DataChannel;
use crate::error::MediaError;
use crate::ice::IceServer;
use crate::media::MediaKind;
use crate::mesh::MeshCost;
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
    /// A message of the application, by way of the server.
    Message {
        /// From whom.
        from: ParticipantId,
        /// What it is about.
        topic: String,
        /// The message, a JSON value.
        data: Bytes,
    },
    /// A source could not be opened or has ended, and is not sent any more; everything else goes on. With neither audio
    /// nor video left this participant watches and listens.
    Degraded {
        /// What is not sent any more.
        kind: MediaKind,
        /// Why.
        reason: MediaError,
    },
    /// Data from another participant that names no channel.
    Data {
        /// From whom.
        participant: ParticipantId,
        /// What it sent; for text its UTF-8.
        data: Bytes,
    },
    /// Another participant has opened a named data channel.
    DataChannel(DataChannel),
    /// Data can be sent to another participant from here on.
    DataChannelOpen {
        /// To whom.
        participant: ParticipantId,
    },
    /// The ICE servers that connections use from here on, told at the start and whenever their credentials are renewed; from
    /// servers that speak the second version of the protocol.
    IceServers(Vec<IceServer>),
    /// The application took events too slowly, and this many were dropped.
    Lagged {
        /// How many.
        dropped: u64,
    },
    /// With the connections there are now, more is likely to be sent than [`Options::upload_budget`] allows. It comes once,
    /// and again only after it was less in between. Nothing is done about it unless [`Options::shed_video`] asks for that.
    ///
    /// [`Options::shed_video`]: crate::Options::shed_video
    /// [`Options::upload_budget`]: crate::Options::upload_budget
    OverBudget {
        /// What it costs.
        cost: MeshCost,
        /// Bits a second that may be uploaded.
        budget: u64,
    },
    /// Somebody entered the room.
    ParticipantJoined(ParticipantInfo),
    /// Somebody is gone for good.
    ParticipantLeft(ParticipantId),
    /// Something about a participant changed; `None` stands for what did not.
    ParticipantUpdated {
        /// Who.
        participant: ParticipantId,
        /// Its name.
        name: Option<String>,
        /// What it says of itself, a JSON value.
        state: Option<Bytes>,
        /// Whether it has a signaling connection. Its media may flow without one.
        connected: Option<bool>,
    },
    /// The signaling connection is lost and is being opened again, for as long as media flows to anybody and otherwise for
    /// about three minutes. Media goes on.
    Reconnecting,
    /// This participant is back in the room under another id: everybody else was announced as gone and joins again.
    Rejoined {
        /// The id that holds from now on.
        id: ParticipantId,
    },
    /// The signaling connection is back, and everything is as it was.
    Resumed {
        /// Whether messages were lost meanwhile. What was being negotiated is negotiated again.
        lossy: bool,
    },
    /// What was shared has come to its end and is not sent any more; the video, if there is one, is back in its place.
    ShareEnded {
        /// Why.
        reason: MediaError,
    },
    /// The room cannot be had again: the server does not know it any more, or does not let this participant in. Media goes
    /// on with those to whom it flows, nobody else will come, and [`Closed`](Self::Closed) follows when the last
    /// connection has ended.
    SignalingLost {
        /// Why, for people.
        reason: String,
    },
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
    /// It is beyond recovery and given up, after ICE was started anew and it was rebuilt a few times.
    Failed,
}

/// Why the room is over for this participant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This participant was put out, with the server's text for people.
    Kicked {
        /// Why.
        reason: String,
    },
    /// This participant left.
    Left,
    /// The server closed the connection for good, for what this participant did or was not allowed to do.
    Refused {
        /// The WebSocket close code, like 4513 for sending too much or 1009 for a message that is too long.
        code: u16,
    },
    /// A newer connection with the same token took the seat.
    Replaced,
    /// The room was closed, with the server's text for people.
    RoomClosed {
        /// Why.
        reason: String,
    },
    /// The signaling connection broke off and could not be opened again, and the last connection has ended too.
    SignalingLost {
        /// How.
        reason: String,
    },
}
