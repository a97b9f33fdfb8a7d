//! The inputs and outputs of a hub.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::frame::ClientFrame;
use super::node_frame::NodeFrame;
use crate::client::Client;
use crate::close_code::CloseCode;
use crate::entry::{Entry, Randomness};
use crate::error::ErrorCode;
use crate::ice::IceServers;
use crate::ids::{ConnId, NodeId, OpId, ParticipantId, RoomId};
use crate::language::Language;
use crate::message::{HostMessage, HostMessageRefusal, MessageToHost, RequestId};
use crate::protocol::ProtocolVersion;
use crate::room::{Op, Room};
use crate::store::Applied;

/// Something that happened, for [`Hub::handle_input`](crate::hub::Hub::handle_input).
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
        /// One whole message, decoded by a [`decoder`](crate::hub::Hub::decoder) of the
        /// connection's protocol version.
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
    /// [`HostMessageRefusal`](crate::message::HostMessageRefusal) for each participant that does
    /// not get it.
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
    /// The host refuses an [`Output::ToHost`]. The participant gets an `error`, over whichever
    /// socket it has by now.
    ToHostRefused {
        /// The message.
        message: MessageToHost,
        /// The error for the participant: `peer_not_found` if nobody takes such messages.
        code: ErrorCode,
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

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Disconnect {
    /// With a close frame of the participant (1000, 1001 or no code). The participant has left.
    Clean,
    /// In any other way. A v2 participant may resume.
    Abrupt,
}

/// Something for the host to do, from [`Hub::poll_output`](crate::hub::Hub::poll_output).
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
