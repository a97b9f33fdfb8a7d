//! The kinds of latency.

use serde::{Deserialize, Serialize};

use crate::measure::stream::StreamKind;

/// A kind of latency. The names in JSON and in objectives are those of [`Kind::name`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// `POST …/rooms`, from when it was planned.
    Create,
    /// `POST …/join`, from when the participant was to arrive.
    HttpJoin,
    /// From the answer to joining until the WebSocket is open; at depth signaling.
    WebsocketOpen,
    /// From opening the WebSocket until `joined`.
    WebsocketJoined,
    /// A message of the probe from one socket to another, from when it was planned.
    Relay,
    Offer,
    Answer,
    Candidate,
    /// A message to the whole room, to each receiver, from when it was planned.
    Message,
    /// From opening the WebSocket until the first of those who were there before has `peer_joined`.
    FanOutFirst,
    FanOutMedian,
    /// Until the last of them has it.
    FanOut,
    /// From leaving until the first of those who stay has `peer_left`.
    LeaveFirst,
    LeaveMedian,
    Leave,
    /// From learning of a participant until ICE and DTLS with it are done; at depth signaling until
    /// its answer.
    Connected,
    /// From opening a connection until ICE has found a path.
    Ice,
    /// From there until both sides have agreed on keys.
    Dtls,
    /// From learning of a participant until the first packet of its media.
    FirstMedia,
    /// From learning of a participant until its first picture is whole, or the first of its sound
    /// is there if it sends no pictures.
    FirstFrame,
    /// From when a participant was to arrive until it is connected to everybody who was there
    /// before, and has their media.
    Arrival,
    /// From losing the socket until the seat is back.
    Resume,
    /// From when a marked frame of sound was to be made until it arrives.
    MouthToEar,
    /// The same of a picture.
    GlassToGlass,
}

impl Kind {
    pub(crate) const ALL: [Self; 24] = [
        Self::Create,
        Self::HttpJoin,
        Self::WebsocketOpen,
        Self::WebsocketJoined,
        Self::Relay,
        Self::Offer,
        Self::Answer,
        Self::Candidate,
        Self::Message,
        Self::FanOutFirst,
        Self::FanOutMedian,
        Self::FanOut,
        Self::LeaveFirst,
        Self::LeaveMedian,
        Self::Leave,
        Self::Connected,
        Self::Ice,
        Self::Dtls,
        Self::FirstMedia,
        Self::FirstFrame,
        Self::Arrival,
        Self::Resume,
        Self::MouthToEar,
        Self::GlassToGlass,
    ];

    /// How long the marked frames of a stream take.
    pub(crate) fn of_frames(stream: StreamKind) -> Self {
        match stream {
            StreamKind::Audio => Self::MouthToEar,
            StreamKind::Screen | StreamKind::Video => Self::GlassToGlass,
        }
    }

    /// Whether it is about marked frames, which a network may lose as it may lose other packets.
    pub(crate) fn is_of_frames(self) -> bool {
        matches!(self, Self::GlassToGlass | Self::MouthToEar)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::HttpJoin => "http_join",
            Self::WebsocketOpen => "websocket_open",
            Self::WebsocketJoined => "websocket_joined",
            Self::Relay => "relay",
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Candidate => "candidate",
            Self::Message => "message",
            Self::FanOutFirst => "fan_out_first",
            Self::FanOutMedian => "fan_out_median",
            Self::FanOut => "fan_out",
            Self::LeaveFirst => "leave_first",
            Self::LeaveMedian => "leave_median",
            Self::Leave => "leave",
            Self::Connected => "connected",
            Self::Ice => "ice",
            Self::Dtls => "dtls",
            Self::FirstMedia => "first_media",
            Self::FirstFrame => "first_frame",
            Self::Arrival => "arrival",
            Self::Resume => "resume",
            Self::MouthToEar => "mouth_to_ear",
            Self::GlassToGlass => "glass_to_glass",
        }
    }

    /// The kind of that name, or of a short form of it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "join" => Some(Self::HttpJoin),
            "open" => Some(Self::WebsocketOpen),
            "joined" => Some(Self::WebsocketJoined),
            "fanout" => Some(Self::FanOut),
            _ => Self::ALL.into_iter().find(|kind| kind.name() == name),
        }
    }
}
