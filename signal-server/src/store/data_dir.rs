//! The data directory: a file with the rooms, and the server's secret.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::data_dir_error::DataDirError;
use super::file::RoomFile;
use crate::auth::secret::Secret;

/// An open data directory.
pub(crate) struct DataDir {
    pub(crate) file: RoomFile,
    pub(crate) secret: Secret,
}

impl DataDir {
    /// Opens a directory for this process alone, and creates it if it is missing.
    ///
    /// `secret` is the configured server secret. Without one, the secret is kept in the directory.
    pub(crate) fn open(path: &Path, secret: Option<Secret>) -> Result<Self, DataDirError> {
        let failed = |error| DataDirError::Io { path: path.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        // The file is locked first, so that only one process creates the secret.
        let file = RoomFile::open(path.join(ROOM_FILE))?;
        let secret = match secret {
            Some(secret) => secret,
            None => kept_secret(&path.join(SECRET_FILE))?,
        };
        Ok(Self { file, secret })
    }
}

/// Reads the secret of earlier runs, or creates one.
fn kept_secret(path: &Path) -> Result<Secret, DataDirError> {
    let failed = |error| DataDirError::Io { path: path.to_owned(), error };
    match fs::read_to_string(path) {
        Ok(text) => {
            let secret = Secret::from(text.as_str());
            if secret.is_weak() {
                let detail = "it is shorter than the secrets that this program makes".to_owned();
                return Err(DataDirError::Damaged { path: path.to_owned(), detail });
            }
            Ok(secret)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let secret = Secret::random();
            write_secret(path, &secret).map_err(failed)?;
            Ok(secret)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Writes the secret under another name first, so that a crash leaves no partial file.
fn write_secret(path: &Path, secret: &Secret) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let directory = path.parent().unwrap_or(path);
    File::open(directory)?.sync_all()
}

const ROOM_FILE: &str = "rooms.redb";
const SECRET_FILE: &str = "server-secret";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stays_the_same_and_a_configured_one_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let configured = Secret::new("configured");
        assert_eq!(
            DataDir::open(folder.path(), Some(configured.clone())).unwrap().secret,
            configured
        );
        assert!(!folder.path().join(SECRET_FILE).exists());
        let made = DataDir::open(folder.path(), None).unwrap().secret;
        assert_eq!(DataDir::open(folder.path(), None).unwrap().secret, made);
    }
}
