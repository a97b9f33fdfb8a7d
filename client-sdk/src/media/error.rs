//! Why a source of media is not sent.

use std::path::PathBuf;

use thiserror::Error;

use super::{Codec, MediaKind};

/// Why a source of media is not sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The source has no more frames.
    #[error("the source has ended")]
    Ended,
    /// A custom source failed or panicked.
    #[error("the source failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// The path.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// The file is in another format or damaged.
    #[error("cannot play {path}: {reason}")]
    Format {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An audio codec was to be sent as video, or vice versa.
    #[error("{codec} cannot be sent as {kind}")]
    Kind {
        /// The source's codec.
        codec: Codec,
        /// The kind that it was to be sent as.
        kind: MediaKind,
    },
    /// The file has no track of that kind.
    #[error("there is no {kind} in {path}")]
    Missing {
        /// The path.
        path: PathBuf,
        /// The kind.
        kind: MediaKind,
    },
    /// The source was given up because the mesh exceeds the upload budget
    /// ([`Options::shed_video`](crate::Options::shed_video)).
    #[error("sending it to everybody exceeds the upload budget")]
    OverBudget,
    /// The participant has left the room, or the room was closed.
    #[error("the room is closed")]
    RoomClosed,
    /// The custom source was sent before. It can be sent only once.
    #[error("the source is sent by another participant, or was sent before")]
    Taken,
    /// The participant sends eight tracks already.
    #[error("a participant sends at most eight tracks")]
    TooManyTracks,
}

/// Why a file is not played, before the path is added.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum FileProblem {
    Damaged(String),
    /// There is no track of the kind.
    Missing,
    /// It has a format that calls do not support and ffmpeg can convert.
    Unsuitable(String),
}

impl From<String> for FileProblem {
    fn from(reason: String) -> Self {
        Self::Damaged(reason)
    }
}
