//! Reads reports that were written as JSON.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Report;

/// A file is no report.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("cannot read {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is not a report of a run: {error}", path.display())]
    Parse { path: PathBuf, error: serde_json::Error },
}

impl Report {
    /// Reads a report that `--json` has written.
    pub(crate) fn read(path: &Path) -> Result<Self, ReadError> {
        let path = path.to_owned();
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) => return Err(ReadError::Io { path, error }),
        };
        serde_json::from_slice(&json).map_err(|error| ReadError::Parse { path, error })
    }
}
