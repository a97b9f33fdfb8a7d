//! What goes into a hub and what comes out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::node_frame::NodeFrame;
use crate::error::ErrorCode;
use crate::ids::{ConnId, IdSuffix, NodeId, OpId, ParticipantId, RoomId};
use crate::language::Language;
use crate::message::{IceServers, RequestId};
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;
use crate::room::{Grant, Op, Room};
use crate::store::Applied;
use crate::token::{ResumeToken, TokenHash};

/// Something that happened, told to a [`Hub`](crate::Hub).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// The answer to [`Output::Authorize`].
    Authorized {
        /// The connection that waits.
        conn: ConnId,
        /// How it enters, or what it is told before it is closed.
        entry: Result<Entry, ErrorCode>,
    },
    /// The store has carried out the operation of that [`Output::Commit`].
    Committed {
        /// The number the commit had.
        op: OpId,
        /// What became of it.
        applied: Applied,
    },
    /// The host is about to stop: a v2 participant is told when to come back, the connection is closed with
    /// [`CloseCode::Unavailable`], and a seat that can be resumed is kept.
    Draining {
        /// The connection.
        conn: ConnId,
        /// After which time it finds a server again.
        reconnect_after: Duration,
    },
    /// A frame arrived. Frames of one connection are handed in in the order of their arrival.
    Frame {
        /// The connection.
        conn: ConnId,
        /// One whole message.
        frame: Bytes,
    },
    /// The answer to [`Output::IceServersWanted`].
    IceServers {
        /// The connection that asked.
        conn: ConnId,
        /// The servers.
        ice: IceServers,
        /// As it was in the output.
        req: Option<RequestId>,
    },
    /// A connection has ended. Harmless if the hub has closed it.
    Lost {
        /// The connection.
        conn: ConnId,
        /// How.
        how: Disconnect,
    },
    /// A connection was opened.
    Open {
        /// A new id for the connection.
        conn: ConnId,
        /// The room it is for.
        room: RoomId,
        /// How it speaks.
        protocol: ProtocolVersion,
        /// The language of the texts it gets.
        language: Language,
        /// How it enters.
        entry: Entry,
        /// Random; used where an id or a resume token is needed.
        randomness: Randomness,
    },
    /// A frame from another node.
    FromNode {
        /// The node that sent it.
        from: NodeId,
        /// The frame.
        frame: NodeFrame,
    },
    /// A newer record of a room, for a change that somebody else asked the store for.
    Record(Arc<Room>),
    /// The host has got rid of frames it was handed; may be told in sums.
    Sent {
        /// The connection.
        conn: ConnId,
        /// The length of the frames, in bytes.
        bytes: usize,
    },
    /// The store has not answered: the operation of that [`Output::Commit`] may have been carried out or not.
    /// The hub asks for the same again, at once: wait before you hand this in.
    Uncommitted {
        /// The number the commit had.
        op: OpId,
    },
    /// That [`Output::ToNode`] could not be delivered; its sender is told.
    Undelivered {
        /// The frame.
        frame: NodeFrame,
    },
}

/// How a connection gets its seat.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Nobody has checked yet what it shows: the hub asks with [`Output::Authorize`], and keeps what the
    /// participant already sends.
    Ask {
        /// What the host needs in order to decide.
        credential: Bytes,
    },
    /// With a token that the host has verified.
    Attach {
        /// What the token grants.
        grant: Grant,
        /// The name to show.
        name: DisplayName,
        /// v2: the ICE servers it is told of.
        ice: Option<IceServers>,
    },
    /// With a resume token; v2 only.
    Resume {
        /// The hash of the token.
        token: TokenHash,
        /// How many messages the participant has received.
        last_seq: u64,
        /// The ICE servers it is told of; [`Room::resumable`](crate::Room::resumable) tells whose seat it is.
        ice: Option<IceServers>,
    },
}

/// What an attach may need of random things.
#[derive(Clone, Debug)]
pub struct Randomness {
    /// The random part of a participant id.
    pub suffix: IdSuffix,
    /// A new resume token.
    pub resume_token: ResumeToken,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Disconnect {
    /// With a close frame of the participant (1000, 1001 or no code): it has left.
    Clean,
    /// Without one: a v2 participant may come back.
    Abrupt,
}

/// Something to do, told by a [`Hub`](crate::Hub).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Decide about a connection, however long it takes, and hand the decision in as [`Input::Authorized`].
    Authorize {
        /// The connection that waits.
        conn: ConnId,
        /// The room it wants to enter.
        room: RoomId,
        /// What it shows.
        credential: Bytes,
    },
    /// Send the same frame to each of these connections.
    Broadcast {
        /// The connections.
        to: Arc<[ConnId]>,
        /// Not to this one of them.
        except: Option<ConnId>,
        /// Encoded once; clone it for each.
        frame: Bytes,
    },
    /// Send what is queued for the connection, then close it. The hub has forgotten it already.
    Close {
        /// The connection.
        conn: ConnId,
        /// What to close it with.
        code: CloseCode,
    },
    /// Have the store apply an operation to a room, and hand the result in as [`Input::Committed`].
    Commit {
        /// To be handed back with the result.
        op: OpId,
        /// The room.
        room: RoomId,
        /// The operation.
        change: Op,
    },
    /// Send a frame to one connection.
    Frame {
        /// The connection.
        to: ConnId,
        /// One whole message.
        frame: Bytes,
    },
    /// Make ICE servers for a participant, and hand them in as [`Input::IceServers`].
    IceServersWanted {
        /// Its connection.
        conn: ConnId,
        /// Its room.
        room: RoomId,
        /// The participant.
        participant: ParticipantId,
        /// To be handed back.
        req: Option<RequestId>,
    },
    /// Nothing to do, only to count: the connection sent more than it may, and that message was dropped. With one too
    /// many of them comes [`Output::Close`] in its place.
    OverRate {
        /// The connection.
        conn: ConnId,
    },
    /// Hand this to the hub of another node as [`Input::FromNode`], or back to this one as [`Input::Undelivered`].
    /// Frames to one node keep their order.
    ToNode {
        /// The node.
        node: NodeId,
        /// The frame.
        frame: NodeFrame,
    },
    /// Nobody of that room is here any more: its records are not needed.
    Unwatch(RoomId),
    /// The first connection to a room has come: hand in its newer records as [`Input::Record`] from here on.
    Watch(RoomId),
}

/// Why a connection is closed, as a WebSocket close code (RFC 6455 section 7.4).
///
/// With a 45xx code a client should not come back on its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CloseCode {
    /// 4501: the participant sent too many bad messages.
    BadMessages,
    /// 4500: the participant may not enter.
    BadToken,
    /// 4511: the participant was put out.
    Kicked,
    /// 1000: the participant has left.
    Left,
    /// 4513: the participant sent more than it may.
    RateLimited,
    /// 4509: a newer connection took over the seat.
    Replaced,
    /// 4510: the session is gone; join again.
    ResumeFailed,
    /// 4503: the room is closed, expired or unknown.
    RoomClosed,
    /// 4504: no seat is free.
    RoomFull,
    /// 4008: the participant does not read what it is sent; come back and resume.
    SlowConsumer,
    /// 4001: the server cannot do this right now; come back.
    Unavailable,
}

impl CloseCode {
    /// The number on the wire.
    pub fn as_u16(self) -> u16 {
        match self {
            Self::BadMessages => 4501,
            Self::BadToken => 4500,
            Self::Kicked => 4511,
            Self::Left => 1000,
            Self::RateLimited => 4513,
            Self::Replaced => 4509,
            Self::ResumeFailed => 4510,
            Self::RoomClosed => 4503,
            Self::RoomFull => 4504,
            Self::SlowConsumer => 4008,
            Self::Unavailable => 4001,
        }
    }

    /// What a connection is closed with that was refused for that reason.
    pub fn after_refusal(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ResumeFailed => Self::ResumeFailed,
            ErrorCode::RoomClosed | ErrorCode::RoomExpired | ErrorCode::RoomNotFound => {
                Self::RoomClosed
            }
            ErrorCode::RoomFull => Self::RoomFull,
            ErrorCode::Unavailable | ErrorCode::PeerUnreachable => Self::Unavailable,
            ErrorCode::RateLimited => Self::RateLimited,
            ErrorCode::Forbidden
            | ErrorCode::InvalidMessage
            | ErrorCode::MessageTooLarge
            | ErrorCode::OfferConflict
            | ErrorCode::PeerNotFound
            | ErrorCode::SelfTarget
            | ErrorCode::TokenExpired
            | ErrorCode::TokenInvalid
            | ErrorCode::UnknownType => Self::BadToken,
        }
    }
}
