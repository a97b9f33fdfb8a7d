//! Files over a data channel, one file a channel.

mod digest;
mod message;
mod name;
mod receive;
mod send;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use self::receive::FileOffer;

/// How far a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FileProgress {
    /// The bytes that the receiver has, or that are on their way to it. Those that it had before
    /// count too.
    pub bytes: u64,
    /// The size of the file.
    pub size: u64,
}

/// A file that has not arrived.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// What has arrived is not what the sender had at first. The receiver has deleted it.
    #[error("what has arrived is not the file that was offered")]
    Checksum,
    /// The caller's fault: there is something at the path already.
    #[error("there is something at {path} already")]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The receiver has failed.
    #[error("the receiver has failed: {reason}")]
    Failed {
        /// Its reason.
        reason: String,
    },
    /// The channel was closed in between. Send the file again over another channel: the receiver
    /// goes on where this one ended.
    #[error("the data channel was closed before all of the file was there")]
    Interrupted,
    /// A file of this machine cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        error: io::Error,
    },
    /// The other side uses the channel for something else.
    #[error("the other side does not send files like this: {0}")]
    Protocol(String),
    /// The receiver does not want the file.
    #[error("the receiver refuses the file: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
}

/// A path to name in errors.
fn failed(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> FileError {
    let path = path.into();
    |error| FileError::Io { path, error }
}

/// What the receiver says of a file with another checksum.
const CHECKSUM: &str = "checksum";
