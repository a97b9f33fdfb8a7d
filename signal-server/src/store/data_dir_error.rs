//! Why a data directory cannot be used.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use signal_core::InvalidBytes;
use thiserror::Error;

use super::room_store::StoreError;

/// Why a data directory cannot be used. The text describes the problem and the remedy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// The system returned an error: missing permissions, a full disk, or a path that is not a
    /// directory.
    #[error("cannot use {path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// Another process uses the directory.
    #[error(
        "{path} is in use by another process; give this one its own with --data-dir, or use \
         --ephemeral to keep rooms in memory only"
    )]
    InUse {
        /// The file with the rooms.
        path: PathBuf,
    },
    /// A newer version of this program wrote the file.
    #[error("{path} was written by a newer version of this program: {detail}; run that version")]
    Newer {
        /// The file with the rooms.
        path: PathBuf,
        /// The formats of the file and of this version.
        detail: String,
    },
    /// The contents of the file are damaged.
    #[error(
        "{path} is damaged: {detail}; put a backup in its place, or move it away to start \
         without its rooms"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

impl DataDirError {
    /// Converts an error of the store to one that names this file.
    pub(crate) fn of_file(path: &Path, error: StoreError<Self>) -> Self {
        let path = path.to_owned();
        match error {
            StoreError::Load(error) => error,
            StoreError::Record { room, error } => {
                let detail = format!("room {room}: {error}");
                match error {
                    InvalidBytes::Newer { .. } => Self::Newer { path, detail },
                    _ => Self::Damaged { path, detail },
                }
            }
            StoreError::Thread(error) => Self::Io { path, error },
        }
    }
}

/// What is wrong with a file, without its path.
pub(super) enum Fault {
    Damaged(String),
    Io(io::Error),
    Newer(String),
}

impl Fault {
    pub(super) fn of(self, path: &Path) -> DataDirError {
        let path = path.to_owned();
        match self {
            Self::Damaged(detail) => DataDirError::Damaged { path, detail },
            Self::Io(error) => DataDirError::Io { path, error },
            Self::Newer(detail) => DataDirError::Newer { path, detail },
        }
    }
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Io(error)
                if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
            {
                Self::Damaged(error.to_string())
            }
            redb::Error::Io(error) => Self::Io(error),
            other => Self::Damaged(other.to_string()),
        }
    }
}
