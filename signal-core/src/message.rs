//! What participants and the server say to each other, independent of its encoding.
//!
//! The JSON form lives in [`wire`](crate::wire) alone. What only [v2](crate::ProtocolVersion::V2) has is marked so.

mod payload;
mod text;

use std::sync::Arc;
use std::time::Duration;

pub use self::payload::Payload;
pub use self::text::{InvalidText, RequestId, Topic};
use crate::error::ErrorCode;
use crate::ids::{ParticipantId, RoomId};
use crate::name::DisplayName;
use crate::room::{CloseReason, LeaveReason};
use crate::time::Timestamp;

/// A message from a participant to the server, with the number it may carry for its answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// What it says.
    pub message: ClientMessage,
    /// v2: echoed in the answer, or in the error.
    pub req: Option<RequestId>,
}

/// What a participant can say to the server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// v2: asks for ICE servers with fresh credentials.
    GetIceServers,
    /// Leaves the room for good. From the creator it closes the room, unless the room was created to be kept.
    Leave,
    /// v2: passes a message of the application on.
    Message {
        /// To whom.
        to: Audience,
        /// What it is about.
        topic: Topic,
        /// The message: any JSON value.
        data: Payload,
    },
    /// v2: asks for a sign of life.
    Ping {
        /// Comes back unchanged: any JSON value.
        t: Payload,
    },
    /// Passes a description or a candidate on to another participant.
    Signal {
        /// The addressee.
        to: ParticipantId,
        /// What to pass on.
        signal: Signal,
    },
    /// v2: changes what the others see of the sender.
    Update {
        /// The name to show from now on; `None` leaves it as it is.
        name: Option<DisplayName>,
        /// The state to show from now on, any JSON value; `None` leaves it as it is.
        state: Option<Payload>,
    },
}

/// Whom an application's message is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Audience {
    /// One participant.
    One(ParticipantId),
    /// Everybody in the room but the sender.
    Room,
}

/// A message from the server to a participant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServerMessage {
    /// Something the participant sent was refused, or its connection is about to be closed.
    Error {
        /// The stable reason.
        code: ErrorCode,
        /// The reason for people.
        message: String,
        /// v2: the participant that the refused message was for.
        about: Option<ParticipantId>,
        /// v2: after how long the same may be tried again; `None` if trying again is of no use.
        retry_after: Option<Duration>,
        /// v2: of the refused message.
        req: Option<RequestId>,
    },
    /// v2: ICE servers with fresh credentials, asked for or not.
    IceServers {
        /// The servers.
        ice: IceServers,
        /// Of the message that asked.
        req: Option<RequestId>,
    },
    /// The first message of a connection: who you are and who else is here.
    Joined {
        /// The receiver's own id, authoritative over the one `join` promised.
        participant_id: ParticipantId,
        /// Everybody else, oldest first.
        participants: Vec<ParticipantInfo>,
        /// v2: everything else a newcomer has to know.
        welcome: Option<Welcome>,
    },
    /// v2: you were put out of the room; the connection closes after this. v1 gets `room_closed`.
    Kicked {
        /// Why, for people.
        reason: String,
    },
    /// v2: a message of the application.
    Message {
        /// The sender, filled in by the server.
        from: ParticipantId,
        /// What it is about.
        topic: Topic,
        /// The message.
        data: Payload,
    },
    /// Somebody entered.
    PeerJoined {
        /// Who.
        participant: ParticipantInfo,
    },
    /// Somebody is gone for good.
    PeerLeft {
        /// Who.
        participant_id: ParticipantId,
        /// v2: how.
        reason: Option<LeaveReason>,
    },
    /// v2: something about a participant changed.
    PeerUpdated {
        /// Who.
        participant_id: ParticipantId,
        /// What.
        update: PeerUpdate,
    },
    /// v2: the answer to `ping`.
    Pong {
        /// As it was sent.
        t: Payload,
        /// The server's time.
        server_time: Timestamp,
        /// Of the ping.
        req: Option<RequestId>,
    },
    /// v2: the first message of a connection that resumed a seat. It is not counted.
    Resumed(Resumed),
    /// The room is over; the connection closes after this.
    RoomClosed {
        /// Why, for people.
        reason: String,
        /// v2: why, for programs.
        code: Option<CloseReason>,
    },
    /// v2: something about the room changed.
    RoomUpdated {
        /// How it is now.
        room: RoomInfo,
    },
    /// v2: the server is about to go; come back and resume.
    ServerDraining {
        /// When to come back.
        reconnect_after: Duration,
    },
    /// A description or candidate from another participant.
    Signal {
        /// The sender, filled in by the server.
        from: ParticipantId,
        /// What it sent.
        signal: Signal,
    },
}

/// One entry of a room's list of participants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParticipantInfo {
    /// Unique within the room.
    pub id: ParticipantId,
    /// The name to show.
    pub name: Arc<str>,
    /// Whether this participant created the room.
    pub is_creator: bool,
    /// v2: whether its socket is there; a seat without one is kept for a while.
    pub connected: bool,
    /// v2: what it last said of itself with `update`, any JSON value.
    pub state: Option<Payload>,
}

/// What changed about a participant; `None` stands for what did not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PeerUpdate {
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its state.
    pub state: Option<Payload>,
    /// Whether its socket is there.
    pub connected: Option<bool>,
    /// Messages to or from it were lost, and what was being negotiated with it is void.
    pub lossy: bool,
}

/// What a v2 participant is told on entering, beyond who is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Welcome {
    /// The room.
    pub room: RoomInfo,
    /// Where connections find a way.
    pub ice: IceServers,
    /// What resumes the seat after the socket is lost.
    pub resume_token: Arc<str>,
    /// For how long the seat is kept after that.
    pub resume_grace: Duration,
    /// The server's time.
    pub server_time: Timestamp,
}

/// What participants are told of their room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomInfo {
    /// Its number.
    pub id: RoomId,
    /// The name to show.
    pub name: Arc<str>,
    /// How many participants fit.
    pub max_participants: u8,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether newcomers are kept out.
    pub locked: bool,
}

/// The ICE servers for one participant, put together by the host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IceServers {
    /// A JSON array of `RTCIceServer` (W3C WebRTC section 4.2.2).
    pub servers: Payload,
    /// Until when the credentials in it are good.
    pub expires_at: Timestamp,
}

/// How a seat was resumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resumed {
    /// The number of the last message sent to this participant: of a replay its last, of a snapshot the one to
    /// count on from.
    pub seq: u64,
    /// What the messages that were missed became of.
    pub missed: Missed,
    /// The token for the next time.
    pub resume_token: Arc<str>,
    /// Where connections find a way.
    pub ice: IceServers,
}

/// What became of the messages of the time without a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Missed {
    /// They follow.
    Replayed {
        /// How many follow.
        replayed: u64,
        /// How many messages the server had taken from this participant; it sends the later ones again.
        received: u64,
    },
    /// They are lost: this is how things stand, and every negotiation of this participant is void.
    Snapshot {
        /// The receiver's own id.
        participant_id: ParticipantId,
        /// Everybody else, oldest first.
        participants: Vec<ParticipantInfo>,
        /// The room.
        room: RoomInfo,
        /// For how long the seat is kept without a socket.
        resume_grace: Duration,
        /// The server's time.
        server_time: Timestamp,
    },
}

/// A description or candidate on its way from one participant to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signal {
    /// Which of the three it is.
    pub kind: SignalKind,
    /// The SDP or candidate, not looked into.
    pub payload: Payload,
    /// v2: the negotiation it belongs to. Whoever offers picks it, larger than all before it in this pair.
    pub negotiation: Option<u32>,
    /// v2: in an offer, what its tracks are: a JSON array, not looked into.
    pub tracks: Option<Payload>,
}

/// The three kinds of message that travel between participants (RFC 8829).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignalKind {
    /// The session description that opens a negotiation.
    Offer,
    /// The session description that settles it.
    Answer,
    /// An ICE candidate (RFC 8838).
    Candidate,
}
