//! Files over data channels, one file for each channel.

mod digest;
mod message;
mod name;
mod part;
mod receive;
mod send;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use self::receive::FileOffer;

/// The progress of a file transfer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FileProgress {
    /// The bytes that the receiver has, including those of earlier attempts, or that are on their
    /// way to it.
    pub bytes: u64,
    /// The size of the file.
    pub size: u64,
}

/// Why a file was not transferred.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file that has arrived is not the one that was offered. The receiver has deleted it.
    #[error("the received file is not the one that was offered")]
    Checksum,
    /// The caller's fault: the path exists already.
    #[error("{path} exists already")]
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
    /// The channel was closed during the transfer. Send the file again over another channel: the
    /// transfer continues where this one ended.
    #[error("the data channel was closed before the file was complete")]
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
    #[error("the other side does not follow the file protocol: {0}")]
    Protocol(String),
    /// The receiver refuses the file.
    #[error("the receiver refuses the file: {reason}")]
    Refused {
        /// Its reason.
        reason: String,
    },
}

/// Adds the path to an I/O error.
fn failed(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> FileError {
    let path = path.into();
    |error| FileError::Io { path, error }
}

/// The reason that the receiver sends for a file with another checksum.
const CHECKSUM: &str = "checksum";
