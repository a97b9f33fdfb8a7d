//! What goes into a hub and what comes out.

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::{ConnId, IdSuffix, OpId, RoomId, Ticket};
use crate::language::Language;
use crate::name::DisplayName;
use crate::room::{Op, Room};
use crate::store::Applied;

/// Something that happened, told to a [`Hub`](crate::Hub).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// The store has carried out the operation of that [`Output::Commit`].
    Committed {
        /// The number the commit had.
        op: OpId,
        /// What became of it.
        applied: Applied,
    },
    /// A frame arrived. Frames of one connection are handed in in the order of their arrival.
    Frame {
        /// The connection.
        conn: ConnId,
        /// One whole message.
        frame: Bytes,
    },
    /// A connection has ended, for whatever reason. Harmless if the hub has closed it.
    Lost {
        /// The connection.
        conn: ConnId,
    },
    /// A connection was opened with a token that the host has verified.
    Open {
        /// A new id for the connection.
        conn: ConnId,
        /// The room it is for.
        room: RoomId,
        /// What its token names.
        ticket: Ticket,
        /// The name to show.
        name: DisplayName,
        /// The language of the texts it gets.
        language: Language,
        /// Random; used if a fresh participant id is needed.
        suffix: IdSuffix,
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
}

/// Something to do, told by a [`Hub`](crate::Hub).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send the same frame to each of these connections.
    Broadcast {
        /// The connections.
        to: Arc<[ConnId]>,
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
    /// The last connection to a room has gone: its records are not needed any more.
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
    /// 1000: the participant has left.
    Left,
    /// 4513: the participant sent more than it may.
    RateLimited,
    /// 4509: a newer connection took over the seat.
    Replaced,
    /// 4503: the room is closed, expired or unknown.
    RoomClosed,
    /// 4504: no seat is free.
    RoomFull,
    /// 4008: the participant does not read what it is sent.
    SlowConsumer,
}

impl CloseCode {
    /// The number on the wire.
    pub fn as_u16(self) -> u16 {
        match self {
            Self::Left => 1000,
            Self::RateLimited => 4513,
            Self::Replaced => 4509,
            Self::RoomClosed => 4503,
            Self::RoomFull => 4504,
            Self::SlowConsumer => 4008,
        }
    }
}
