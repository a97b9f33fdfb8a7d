//! The inputs and outputs of a hub.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::frame::ClientFrame;
use super::host_message::{HostMessage, HostMessageRefusal, MessageToHost};
use super::node_frame::NodeFrame;
use crate::client::Client;
use crate::error::ErrorCode;
use crate::ids::{ConnId, IdSuffix, NodeId, OpId, ParticipantId, RoomId};
use crate::language::Language;
use crate::message::{IceServers, RequestId};
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;
use crate::room::{Grant, Op, Reject, Room};
use crate::store::Applied;
use crate::token::{ResumeToken, TokenHash};

/// Something that happened, for [`Hub::handle_input`](crate::Hub::handle_input).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// The answer to [`Output::Authorize`].
    Authorized {
        /// The connection that waits.
        conn: ConnId,
        /// How it enters, or the error that it gets before it is closed.
        entry: Result<Entry, ErrorCode>,
    },
    /// The store has handled an [`Output::Commit`].
    Committed {
        /// The id from the output.
        op: OpId,
        /// The result.
        applied: Applied,
    },
    /// The host is about to stop. A v2 participant is told when to reconnect, the connection is
    /// closed with [`CloseCode::Unavailable`], and a seat that can be resumed is kept.
    Draining {
        /// The connection.
        conn: ConnId,
        /// How long the participant waits before it reconnects.
        reconnect_after: Duration,
    },
    /// A frame has arrived. Hand in the frames of one connection in the order of their arrival.
    Frame {
        /// The connection.
        conn: ConnId,
        /// One whole message, decoded by a [`decoder`](crate::Hub::decoder) of the connection's
        /// protocol version.
        frame: ClientFrame,
    },
    /// The answer to [`Output::IceServersWanted`].
    IceServers {
        /// The connection that asked.
        conn: ConnId,
        /// The servers.
        ice: IceServers,
        /// The request id from the output.
        req: Option<RequestId>,
    },
    /// The host has no ICE servers for [`Output::IceServersWanted`]. The participant gets an
    /// `error`.
    IceServersRefused {
        /// The connection that asked.
        conn: ConnId,
        /// The error for the participant.
        code: ErrorCode,
        /// The request id from the output.
        req: Option<RequestId>,
    },
    /// The host sends a message. The hub outputs a
    /// [`HostMessageRefusal`](crate::HostMessageRefusal) for each participant that does not get it.
    HostMessage {
        /// The newest record of the room.
        record: Arc<Room>,
        /// The message.
        message: HostMessage,
    },
    /// A connection has ended. Nothing happens if the hub has closed it before.
    Lost {
        /// The connection.
        conn: ConnId,
        /// How it ended.
        how: Disconnect,
    },
    /// A connection has been opened. Nothing happens if one with that id is open already.
    Open {
        /// A new id for the connection.
        conn: ConnId,
        /// The room to enter.
        room: RoomId,
        /// The version of the protocol that it speaks; v2 for [`Entry::Resume`].
        protocol: ProtocolVersion,
        /// The language of the texts that it is sent.
        language: Language,
        /// How it enters the room.
        entry: Entry,
        /// Random values, used if an id or a resume token is needed.
        randomness: Randomness,
        /// The address it comes from, if the host knows it. An address from which somebody has
        /// entered has a few password attempts of its own.
        client: Option<Client>,
    },
    /// A frame has arrived from another node.
    FromNode {
        /// The node that sent it.
        from: NodeId,
        /// The frame.
        frame: NodeFrame,
    },
    /// A newer record of a room, after an operation that this hub did not ask for.
    Record(Arc<Room>),
    /// The host has written frames that it was handed. It may report several at once.
    Sent {
        /// The connection.
        conn: ConnId,
        /// Their length, in bytes.
        bytes: usize,
    },
    /// The host refuses an [`Output::ToHost`]. The participant gets an `error`.
    ToHostRefused {
        /// The connection of the participant.
        conn: ConnId,
        /// The error for the participant: `peer_not_found` if nobody takes such messages.
        code: ErrorCode,
        /// The request id from the output.
        req: Option<RequestId>,
    },
    /// The store has not answered an [`Output::Commit`]; whether it has applied the operation is
    /// unknown. The hub asks for the same operation again at once, so wait a moment before you hand
    /// this in.
    Uncommitted {
        /// The id from the output.
        op: OpId,
    },
    /// An [`Output::ToNode`] could not be delivered. The hub tells the sender.
    Undelivered {
        /// The frame.
        frame: NodeFrame,
    },
}

/// How a connection gets its seat.
#[derive(Clone, Debug)]
pub enum Entry {
    /// With a credential that the host has not verified yet. The hub asks with
    /// [`Output::Authorize`], and holds back what the participant sends meanwhile.
    Ask {
        /// The credential for the host, passed through unread.
        credential: Bytes,
    },
    /// With a token that the host has verified.
    Attach {
        /// The grant of the token.
        grant: Grant,
        /// The name to show.
        name: DisplayName,
        /// v2: the ICE servers for the participant.
        ice: Option<IceServers>,
    },
    /// v2: with a resume token. The store verifies it.
    Resume {
        /// The hash of the token.
        token: TokenHash,
        /// How many messages the participant has received.
        last_seq: u64,
        /// The ICE servers for the participant; [`Room::resumable`](crate::Room::resumable) returns
        /// the seat that the token resumes.
        ice: Option<IceServers>,
    },
}

/// Random values for one connection, drawn by the host.
#[derive(Clone, Debug)]
pub struct Randomness {
    /// The random part of a participant id.
    pub suffix: IdSuffix,
    /// A new resume token.
    pub resume_token: ResumeToken,
}

impl Randomness {
    /// Makes both from random bytes. `hash` is the hash that the host computes of a presented
    /// resume token, for example SHA-256.
    pub fn draw(random: [u8; 36], hash: impl FnOnce(&str) -> [u8; 32]) -> Self {
        let [a, b, c, d, token @ ..] = random;
        let text: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = TokenHash::new(hash(&text));
        Self {
            suffix: IdSuffix::new(u32::from_le_bytes([a, b, c, d])),
            resume_token: ResumeToken::new(text, hash),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Disconnect {
    /// With a close frame of the participant (1000, 1001 or no code). The participant has left.
    Clean,
    /// In any other way. A v2 participant may resume.
    Abrupt,
}

/// Something for the host to do, from [`Hub::poll_output`](crate::Hub::poll_output).
///
/// The enum is exhaustive, since a host has to carry out every output: list every variant, and the
/// compiler reports a new one.
#[derive(Clone, Debug)]
pub enum Output {
    /// Decide whether a participant may enter, and hand the decision in as [`Input::Authorized`].
    /// This may take as long as it needs.
    Authorize {
        /// The connection that waits.
        conn: ConnId,
        /// The room it wants to enter.
        room: RoomId,
        /// The credential from [`Entry::Ask`].
        credential: Bytes,
    },
    /// Send the same frame to each of these connections.
    Broadcast {
        /// The connections.
        to: Arc<[ConnId]>,
        /// A connection to leave out.
        except: Option<ConnId>,
        /// One whole message. It is encoded once; clone it for each connection.
        frame: Bytes,
    },
    /// Send what is queued for the connection, then close it. The hub has already removed it.
    Close {
        /// The connection.
        conn: ConnId,
        /// The close code.
        code: CloseCode,
    },
    /// Have the store apply an operation to a room, and hand the result in as [`Input::Committed`].
    Commit {
        /// The id to hand in with the result.
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
    /// An [`Input::HostMessage`] was not delivered to a participant.
    HostMessageRefused(HostMessageRefusal),
    /// Make ICE servers for a participant, and hand them in as [`Input::IceServers`].
    IceServersWanted {
        /// Its connection.
        conn: ConnId,
        /// Its room.
        room: RoomId,
        /// The participant.
        participant: ParticipantId,
        /// The request id to hand in with the servers.
        req: Option<RequestId>,
    },
    /// A message was dropped because its sender is over its rate, for metrics. A connection that
    /// stays over its rate for too long gets [`Output::Close`] instead.
    OverRate {
        /// The connection.
        conn: ConnId,
    },
    /// A participant has sent a message to the host. Take it, or hand in [`Input::ToHostRefused`].
    /// A [`HostMessage`] answers it.
    ToHost(MessageToHost),
    /// Hand a frame to the hub of another node as [`Input::FromNode`], or back to this hub as
    /// [`Input::Undelivered`]. Keep the order of the frames to one node.
    ToNode {
        /// The node.
        node: NodeId,
        /// The frame.
        frame: NodeFrame,
    },
    /// Stop handing in records of this room. This hub no longer serves anybody in it.
    Unwatch(RoomId),
    /// Hand in every newer record of this room as [`Input::Record`] from now on. The first
    /// connection to it has been let in.
    Watch(RoomId),
}

/// Why a connection is closed, as a WebSocket close code (RFC 6455 section 7.4).
///
/// A client should not reconnect on its own after a 45xx code.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CloseCode {
    /// 4501: the participant sent too many bad messages.
    BadMessages,
    /// 4500: the participant may not enter the room.
    BadToken,
    /// 4012: nothing has arrived from the other side for too long; come back and resume. An
    /// [`Engine`](crate::Engine) has this deadline; a hub alone does not.
    Idle,
    /// 4511: the participant was kicked.
    Kicked,
    /// 1000: the participant has left.
    Left,
    /// 4513: the participant exceeded its rate for too long.
    RateLimited,
    /// 4509: a newer connection has taken over the seat.
    Replaced,
    /// 4510: the session is gone; join again.
    ResumeFailed,
    /// 4503: the room is closed, expired or unknown.
    RoomClosed,
    /// 4504: no seat is free.
    RoomFull,
    /// 4008: the participant does not read fast enough; come back and resume.
    SlowConsumer,
    /// 4001: the server cannot do this right now, or the participant opens sockets too often; come
    /// back.
    Unavailable,
}

impl CloseCode {
    /// The number on the wire.
    pub fn as_u16(self) -> u16 {
        match self {
            Self::BadMessages => 4501,
            Self::BadToken => 4500,
            Self::Idle => 4012,
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

    /// The close code for a connection that a room refuses.
    pub(super) fn after_reject(reject: Reject) -> Self {
        match reject {
            // Nobody can enter that room again, so trying again is of no use.
            Reject::IdsExhausted => Self::RoomClosed,
            other => Self::after_refusal(other.code()),
        }
    }

    /// The close code for a connection that was refused with that error.
    pub fn after_refusal(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ResumeFailed => Self::ResumeFailed,
            ErrorCode::RoomClosed | ErrorCode::RoomExpired | ErrorCode::RoomNotFound => {
                Self::RoomClosed
            }
            ErrorCode::RoomFull => Self::RoomFull,
            // A participant that reconnects too often may come back later.
            ErrorCode::PeerUnreachable | ErrorCode::RateLimited | ErrorCode::Unavailable => {
                Self::Unavailable
            }
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
