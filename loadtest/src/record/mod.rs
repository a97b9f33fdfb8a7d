//! Records the arrivals and departures on a server, to replay them with `--replay`.

mod log;
mod rooms;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub(crate) use self::rooms::of_rooms;
use crate::scenario::Shape;

/// A log cannot be read.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error(
        "{} has no sockets in it: signal-server logs them with --log signal_server=debug \
         --log-format json",
        path.display()
    )]
    Nothing { path: PathBuf },
}

/// The shape of a log of signal-server.
pub(crate) fn of_log(path: &Path) -> Result<Shape, LogError> {
    let path = path.to_owned();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(LogError::Read { path, error }),
    };
    let shape = log::shape(&text);
    if shape.stays().is_empty() { Err(LogError::Nothing { path }) } else { Ok(shape) }
}
