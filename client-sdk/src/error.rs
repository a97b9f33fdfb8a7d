//! How things fail, and whose fault it is.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::media::{Codec, MediaKind};

/// An HTTP request that did not do what it was asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The caller's fault: the server's address cannot be used.
    #[error("`{url}` is not the address of a server: expected http:// or https:// and a host")]
    Address {
        /// What was given.
        url: String,
    },
    /// The caller's fault: what is to be trusted ([`ClientBuilder::trust`](crate::ClientBuilder::trust)) are no
    /// certificates in PEM.
    #[error("cannot trust what is not a certificate in PEM: {0}")]
    Certificate(String),
    /// Nobody's in particular: the server could not be reached or broke off.
    #[error("cannot reach the server: {0}")]
    Network(String),
    /// The caller's fault: the proxy's address cannot be used.
    #[error("`{url}` is not the address of a proxy: expected http://, a host and no user name")]
    Proxy {
        /// What was given.
        url: String,
    },
    /// The server answered with something that is not in the protocol.
    #[error("the server's answer is not understood: {0}")]
    Protocol(String),
    /// The caller's fault, mostly: the server refused, for the stable reason `code`.
    #[error("the server refused: {message} ({code}, HTTP status {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable reason, like `wrong_password`.
        code: String,
        /// The reason for people.
        message: String,
    },
}

impl RequestError {
    /// The stable reason of a refusal, like `wrong_password`; `None` for failures of other kinds.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Address { .. }
            | Self::Certificate(_)
            | Self::Network(_)
            | Self::Protocol(_)
            | Self::Proxy { .. } => None,
        }
    }
}

/// A room that could not be entered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnterError {
    /// A source cannot be opened, and [`Options::require_media`](crate::Options::require_media) asks for all of them.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Only relays may be used ([`Options::relay_only`](crate::Options::relay_only)), and the server has named none
    /// that can be: TURN over UDP. Whoever runs the server has to configure one.
    #[error("only relays may be used, and the server names no TURN server over UDP")]
    NoRelay,
    /// The server refused the connection, for the stable reason `code`.
    #[error("the server refused the connection: {message} ({code})")]
    Refused {
        /// The stable reason, like `room_full`.
        code: String,
        /// The reason for people.
        message: String,
    },
    /// Creating or joining the room failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The signaling connection could not be opened, or broke off before the room was entered.
    #[error("cannot open the signaling connection: {0}")]
    Signaling(String),
    /// The room was not entered within [`Options::enter_timeout`](crate::Options::enter_timeout).
    #[error("the room was not entered in time")]
    Timeout,
}

/// A source of media that cannot be sent; always the fault of the source or of whoever named it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MediaError {
    /// A source of the application's own has no more frames.
    #[error("the source has ended")]
    Ended,
    /// A source of the application's own failed, for this reason.
    #[error("the source failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// Its path.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("cannot play {path}: {reason}")]
    Format {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Sound was to be sent as pictures, or the other way round.
    #[error("{codec} cannot be sent as {kind}")]
    Kind {
        /// What the source makes.
        codec: Codec,
        /// What it was to be sent as.
        kind: MediaKind,
    },
    /// It was given up since the mesh costs more than can be uploaded
    /// ([`Options::shed_video`](crate::Options::shed_video)).
    #[error("sending it to everybody costs more upload than there is")]
    OverBudget,
    /// The room has been left or closed.
    #[error("the room is closed")]
    RoomClosed,
    /// A source of the application's own can be sent once, and it was.
    #[error("the source is sent by another participant, or was sent before")]
    Taken,
}

/// A named data channel that was not opened.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The room has been left or closed.
    #[error("the room is closed")]
    Closed,
    /// The caller's fault: the label is too long.
    #[error("the label of a data channel may have at most 1024 bytes")]
    Label,
    /// There is no connection to that participant, or it was given up before the channel was open.
    #[error("there is no connection to that participant")]
    NoConnection,
}

/// Something asked of the server that it did not do, or not for certain.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// 256 commands, or 256 KiB of them, wait for the server already.
    #[error("the server has not taken earlier messages yet")]
    Busy,
    /// The room has been left or closed.
    #[error("the room is closed")]
    Closed,
    /// The caller's fault: the value has no JSON form.
    #[error("the value cannot be written as JSON: {0}")]
    Json(String),
    /// The signaling connection was lost and with it what was under way: the server may have taken it or not.
    #[error("the signaling connection was lost, and the server may have taken the message or not")]
    Lost,
    /// The caller's fault: nobody can be called that.
    #[error("the name cannot be shown: {0}")]
    Name(String),
    /// The server refused it, for the stable reason `code`: `peer_not_found`, `peer_unreachable`, `self_target`,
    /// `message_too_large`, `rate_limited`, …
    #[error("the server refused: {message} ({code})")]
    Refused {
        /// The stable reason.
        code: String,
        /// The reason for people.
        message: String,
        /// After how long the same may be tried again; `None` if that is of no use.
        retry_after: Option<Duration>,
    },
    /// The caller's fault: more than the protocol allows.
    #[error("{bytes} bytes of JSON are too many: at most {most}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many are allowed.
        most: usize,
    },
    /// The caller's fault: a topic that is empty or too long.
    #[error("a topic has 1 to 64 characters")]
    Topic,
    /// The server speaks the first version of the protocol only, which has no such thing.
    #[error("the server does not pass on messages of applications")]
    Unsupported,
}

impl CommandError {
    /// Whether too much was sent.
    pub(crate) fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == RATE_LIMITED)
    }
}

pub(crate) const RATE_LIMITED: &str = "rate_limited";

/// Data that was not sent.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// 1 MiB or more waits to be sent over that channel; send less or later.
    #[error("1 MiB of data waits to be sent over that channel already")]
    Busy,
    /// The room has been left or closed.
    #[error("the room is closed")]
    Closed,
    /// There is no open data channel to that participant (yet).
    #[error("no data channel to that participant is open")]
    NoChannel,
    /// The caller's fault: a message is larger than the other side takes, which is 64 KiB for this crate.
    #[error("the message is larger than the other side takes")]
    TooLarge,
}
