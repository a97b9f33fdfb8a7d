//! The errors of requests, of entering a room, of sending data and of opening channels.

use std::io;
use std::net::IpAddr;

mod network;
mod refusal;

use std::time::Duration;

use thiserror::Error;

pub use self::network::{NetworkError, NetworkFailure, Phase};
pub use self::refusal::Refusal;
use crate::media::MediaError;

/// Why an HTTP request failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The caller's fault: the server's address is not an `http` or `https` URL with a host.
    #[error("`{url}` is not the address of a server: expected http:// or https:// and a host")]
    Address {
        /// The address.
        url: String,
    },
    /// The caller's fault: the argument of [`ClientBuilder::trust`](crate::ClientBuilder::trust) is
    /// not a certificate in PEM.
    #[error("expected certificates in PEM to trust: {0}")]
    Certificate(String),
    /// The server cannot be reached, or the connection broke.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The caller's fault: the proxy's address is not an `http` URL with a host and without a user
    /// name.
    #[error("`{url}` is not the address of a proxy: expected http://, a host and no user name")]
    Proxy {
        /// The address, without a user and a password.
        url: String,
    },
    /// The server's fault: its answer does not follow the protocol. The address may be that of
    /// another kind of server.
    #[error("cannot understand the answer of {url}: {reason}")]
    Protocol {
        /// The address, without the parts that may hold a secret.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Usually the caller's fault: the server refused the request.
    #[error("the server refused: {message} ({code}, HTTP status {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable code, like `wrong_password`.
        code: String,
        /// A human-readable reason.
        message: String,
        /// How long to wait before trying again, if the server specifies it.
        retry_after: Option<Duration>,
    },
    /// The caller's fault: the access token contains characters that a header cannot.
    #[error("the access token contains characters that no header can hold")]
    Token,
    /// Usually the caller's fault: the room id or the token is longer than a URL may be.
    #[error("the room id or the token is too long: {0}")]
    TooLong(String),
    /// Usually the caller's fault: the server has no rooms under that path. It is another kind of
    /// server, or its rooms have another path.
    #[error("there is no room server at {url}: the address or the path is wrong")]
    WrongPath {
        /// The address, without the parts that may hold a secret.
        url: String,
    },
}

impl RequestError {
    /// The stable code of a refusal, like `wrong_password`; `None` for other failures.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Address { .. }
            | Self::Certificate(_)
            | Self::Network(_)
            | Self::Protocol { .. }
            | Self::Proxy { .. }
            | Self::Token
            | Self::TooLong(_)
            | Self::WrongPath { .. } => None,
        }
    }

    /// Why the server refused; `None` for other failures.
    pub fn refusal(&self) -> Option<Refusal> {
        self.code().map(Refusal::of)
    }

    /// How long to wait before trying again, if the server specifies it.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Address { .. }
            | Self::Certificate(_)
            | Self::Network(_)
            | Self::Protocol { .. }
            | Self::Proxy { .. }
            | Self::Token
            | Self::TooLong(_)
            | Self::WrongPath { .. } => None,
        }
    }
}

/// Why a room was not entered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnterError {
    /// The signaling connection ended before the room was entered.
    #[error("the connection to {url} ended before the room was entered: {reason}")]
    Closed {
        /// The address, without the token.
        url: String,
        /// The WebSocket close code, if there was one.
        code: Option<u16>,
        /// A human-readable reason.
        reason: String,
    },
    /// The caller's fault: an address of [`Options::bind_address`](crate::Options::bind_address)
    /// does not belong to this machine.
    #[error("media cannot be sent from {address}")]
    BindAddress {
        /// The address.
        address: IpAddr,
        /// Why no socket can be bound to it.
        source: io::Error,
    },
    /// A source cannot be opened, and [`Options::allow_degraded`](crate::Options::allow_degraded)
    /// is off.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The operator's fault: [`Options::relay_only`](crate::Options::relay_only) is set, and the
    /// server lists no usable TURN server.
    #[error("only relays may be used, and the server lists no usable TURN server")]
    NoRelay,
    /// The server refused the signaling connection.
    #[error("the server refused the connection: {message} ({code})")]
    Refused {
        /// The stable code, like `room_full`.
        code: String,
        /// A human-readable reason.
        message: String,
        /// How long to wait before trying again, if the server specifies it.
        retry_after: Option<Duration>,
    },
    /// The HTTP request to create or join the room, or to open the signaling connection, failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl EnterError {
    /// The stable code of a refusal, like `wrong_password` or `room_full`; `None` for other
    /// failures.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Request(error) => error.code(),
            Self::BindAddress { .. } | Self::Closed { .. } | Self::Media(_) | Self::NoRelay => None,
        }
    }

    /// Why the server refused; `None` for other failures.
    pub fn refusal(&self) -> Option<Refusal> {
        self.code().map(Refusal::of)
    }

    /// How long to wait before trying again, if the server specifies it.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Request(error) => error.retry_after(),
            Self::BindAddress { .. } | Self::Closed { .. } | Self::Media(_) | Self::NoRelay => None,
        }
    }
}

/// Why a named data channel was not opened.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The participant has left the room, or the room was closed.
    #[error("the room is closed")]
    Closed,
    /// The caller's fault: the label has more than 1024 bytes.
    #[error("the label of a data channel may have at most 1024 bytes")]
    Label,
    /// There is no connection to that participant, or it ended before the channel was open.
    #[error("there is no connection to that participant")]
    NoConnection,
}

/// Why data was not sent.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// 1 MiB or more waits to be sent over that channel. Send less, or later.
    #[error("1 MiB of data is already waiting to be sent over the channel")]
    Busy,
    /// The participant has left the room, or the room was closed.
    #[error("the room is closed")]
    Closed,
    /// No data channel to that participant is open.
    #[error("no data channel to that participant is open")]
    NoChannel,
    /// The caller's fault: the message is larger than the other side accepts. This crate accepts 64
    /// KiB.
    #[error("the message is larger than the other side accepts")]
    TooLarge,
}
