//! The messages between participants and the server, independent of their encoding.
//!
//! [`wire`](crate::wire) has the JSON form. Items that only [v2](crate::ProtocolVersion::V2) has
//! are marked "v2".

mod host_message;
mod text;

use std::sync::Arc;
use std::time::Duration;

pub use self::host_message::{HostMessage, HostMessageRefusal, MessageToHost};
pub use self::text::{InvalidText, RequestId, Topic};
use crate::error::ErrorCode;
use crate::ice::IceServers;
use crate::identity::Attributes;
use crate::ids::{ParticipantId, RoomId};
use crate::name::DisplayName;
pub use crate::payload::{InvalidPayload, Payload};
use crate::permissions::Permissions;
use crate::reason::{CloseReason, LeaveReason};
use crate::time::Timestamp;

/// A message from a participant to the server, with the id that its answer repeats.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The message.
    pub message: ClientMessage,
    /// v2: echoed in the answer or the error.
    pub req: Option<RequestId>,
}

/// A message from a participant to the server.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// v2: asks for ICE servers with fresh credentials.
    GetIceServers,
    /// Leaves the room for good. The creator's leave closes the room, unless the room was created
    /// with [`OnCreatorLeave::Keep`](crate::room::OnCreatorLeave::Keep).
    Leave,
    /// v2: sends an application message.
    Message {
        /// The receivers.
        to: Audience,
        /// The topic.
        topic: Topic,
        /// The message, any JSON value.
        data: Payload,
    },
    /// v2: moderates the room. Needs the permission [`moderate`](Permissions::moderate).
    Moderate(Moderation),
    /// v2: asks for a `pong`.
    Ping {
        /// Any JSON value; comes back unchanged.
        t: Payload,
    },
    /// Sends a session description or an ICE candidate to another participant.
    Signal {
        /// The addressee.
        to: ParticipantId,
        /// The description or candidate.
        signal: Signal,
    },
    /// v2: changes the name or state that the others see of the sender.
    Update {
        /// The new name; `None` leaves it as it is.
        name: Option<DisplayName>,
        /// The new state, any JSON value; `None` leaves it as it is.
        state: Option<Payload>,
    },
}

/// The receivers of an application message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Audience {
    /// The host application, which is the code behind the server.
    Host,
    /// One participant.
    One(ParticipantId),
    /// Everybody in the room but the sender.
    Room,
}

/// What a moderator does.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Moderation {
    /// Kicks a participant other than the creator for good. Its user, if it has one, is banned, and
    /// the password and the invite are void until the creator or the host sets a new password.
    Ban(ParticipantId),
    /// Ends the room.
    Close,
    /// Kicks a participant other than the creator.
    Kick(ParticipantId),
    /// Refuses newcomers from now on.
    Lock,
    /// Admits newcomers again.
    Unlock,
}

/// The addressee of a refused message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Addressee {
    /// The host application, which is the code behind the server.
    Host,
    /// A participant. A message to the room has several addressees.
    Participant(ParticipantId),
}

impl From<ParticipantId> for Addressee {
    fn from(id: ParticipantId) -> Self {
        Self::Participant(id)
    }
}

/// A message from the server to a participant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServerMessage {
    /// A message of the participant was refused, or its connection is about to be closed.
    Error {
        /// The reason for programs.
        code: ErrorCode,
        /// A human-readable reason.
        message: String,
        /// v2: whom the error is about: a participant that the refused message named or did not
        /// reach, or the host.
        about: Option<Addressee>,
        /// v2: how long to wait before trying again; `None` if trying again is of no use.
        retry_after: Option<Duration>,
        /// v2: the id of the refused message.
        req: Option<RequestId>,
    },
    /// v2: a message of the host application.
    HostMessage {
        /// The topic.
        topic: Topic,
        /// The message.
        data: Payload,
    },
    /// v2: ICE servers with fresh credentials, asked for or not.
    IceServers {
        /// The servers.
        ice: IceServers,
        /// The id of the message that asked for them, if one did.
        req: Option<RequestId>,
    },
    /// The first message of a connection: the receiver's own id and who else is in the room.
    Joined {
        /// The receiver's own id. It is authoritative; the id that `join` promised may differ.
        participant_id: ParticipantId,
        /// Everybody else, oldest first.
        participants: Vec<ParticipantInfo>,
        /// v2: everything else that a newcomer needs to know.
        welcome: Option<Welcome>,
    },
    /// v2: the receiver was kicked; its connection closes after this. In v1 it gets `room_closed`.
    Kicked {
        /// A human-readable reason.
        reason: String,
    },
    /// v2: an application message.
    Message {
        /// The sender, filled in by the server.
        from: ParticipantId,
        /// The topic.
        topic: Topic,
        /// The message.
        data: Payload,
    },
    /// v2, to the creator: the password attempts have run out, so that no password opens the room
    /// now, or all of them are available again.
    PasswordAttempts {
        /// How many password attempts are left.
        left: u8,
        /// How long until an attempt is available; zero if one is available now.
        retry_after: Duration,
    },
    /// A participant entered.
    PeerJoined {
        /// The participant.
        participant: ParticipantInfo,
    },
    /// A participant is gone for good.
    PeerLeft {
        /// The participant.
        participant_id: ParticipantId,
        /// v2: how its seat ended.
        reason: Option<LeaveReason>,
    },
    /// v2: something about a participant changed.
    PeerUpdated {
        /// The participant.
        participant_id: ParticipantId,
        /// What changed.
        update: PeerUpdate,
    },
    /// v2: the permissions of the receiver have changed.
    PermissionsUpdated {
        /// What it may do now.
        permissions: Permissions,
    },
    /// v2: the answer to `ping`.
    Pong {
        /// The value of the `ping`.
        t: Payload,
        /// The server's time.
        server_time: Timestamp,
        /// The id of the `ping`.
        req: Option<RequestId>,
    },
    /// v2: the first message of a connection that resumed a seat. It has no number in the sequence
    /// of messages.
    Resumed(Resumed),
    /// The room is over; the connection closes after this.
    RoomClosed {
        /// A human-readable reason.
        reason: String,
        /// v2: the reason for programs.
        code: Option<CloseReason>,
    },
    /// v2: something about the room changed.
    RoomUpdated {
        /// The room as it is now.
        room: RoomInfo,
    },
    /// v2: the server is about to stop; come back and resume.
    ServerDraining {
        /// How long to wait before coming back.
        reconnect_after: Duration,
    },
    /// A session description or ICE candidate from another participant.
    Signal {
        /// The sender, filled in by the server.
        from: ParticipantId,
        /// The description or candidate that it sent.
        signal: Signal,
    },
}

/// What a participant sees of another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParticipantInfo {
    /// Its id, unique within the room.
    pub id: ParticipantId,
    /// The name to show.
    pub name: Arc<str>,
    /// Whether this participant created the room.
    pub is_creator: bool,
    /// v2: whether it is connected. A seat without a socket is kept for a while.
    pub connected: bool,
    /// v2: the state that it last set with `update`, any JSON value.
    pub state: Option<Payload>,
    /// v2: the attributes that the host has set.
    pub attributes: Option<Attributes>,
    /// v2: whether it may send media and data. Ignore them if it may not.
    pub publish: bool,
}

/// What changed about a participant; `None` stands for what did not change.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PeerUpdate {
    /// The new name.
    pub name: Option<Arc<str>>,
    /// The new state.
    pub state: Option<Payload>,
    /// The new attributes, which are empty if it has none any more.
    pub attributes: Option<Attributes>,
    /// Whether it may send media and data.
    pub publish: Option<bool>,
    /// Whether it is connected.
    pub connected: Option<bool>,
    /// Whether messages to or from it were lost, so that every negotiation with it is void.
    pub lossy: bool,
}

/// What a v2 participant learns when it enters, besides who is in the room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Welcome {
    /// The room.
    pub room: RoomInfo,
    /// What the receiver may do.
    pub permissions: Permissions,
    /// The ICE servers, with credentials.
    pub ice: IceServers,
    /// The token that resumes the seat after the socket is lost.
    pub resume_token: Arc<str>,
    /// How long the seat is kept without a socket.
    pub resume_grace: Duration,
    /// The server's time.
    pub server_time: Timestamp,
}

/// What participants see of their room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomInfo {
    /// Its id.
    pub id: RoomId,
    /// The name to show.
    pub name: Arc<str>,
    /// How many participants the room holds.
    pub max_participants: u16,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether newcomers are refused.
    pub locked: bool,
}

/// How a seat was resumed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resumed {
    /// The number of the last message to this participant: the last one of a replay, or the number
    /// from which counting continues after a snapshot.
    pub seq: u64,
    /// What happened to the messages that were missed while disconnected.
    pub missed: Missed,
    /// The token for the next resume.
    pub resume_token: Arc<str>,
    /// The ICE servers, with credentials.
    pub ice: IceServers,
}

/// What happened to the messages that were missed while disconnected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Missed {
    /// The messages follow.
    Replayed {
        /// The number of messages that follow.
        replayed: u64,
        /// How many messages of this participant the server has received. The participant sends the
        /// later ones again.
        received: u64,
    },
    /// The messages are lost. This is the current state, and every negotiation of this participant
    /// is void.
    Snapshot {
        /// The receiver's own id.
        participant_id: ParticipantId,
        /// Everybody else, oldest first.
        participants: Vec<ParticipantInfo>,
        /// The room.
        room: RoomInfo,
        /// What the receiver may do.
        permissions: Permissions,
        /// How long the seat is kept without a socket.
        resume_grace: Duration,
        /// The server's time.
        server_time: Timestamp,
    },
}

/// A session description or ICE candidate, from one participant to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signal {
    /// Which kind it is.
    pub kind: SignalKind,
    /// The SDP or candidate, passed on unread.
    pub payload: Payload,
    /// v2: the number of the negotiation it belongs to. The offerer chooses one that is larger than
    /// all earlier ones of this pair.
    pub negotiation: Option<u32>,
    /// v2: in an offer or answer, a description of its tracks: a JSON array, passed on unread.
    pub tracks: Option<Payload>,
}

/// The kinds of signals between participants (RFC 8829).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignalKind {
    /// The session description that opens a negotiation.
    Offer,
    /// The session description that settles it.
    Answer,
    /// An ICE candidate (RFC 8838).
    Candidate,
}
