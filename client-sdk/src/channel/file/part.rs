//! The partial file with the bytes that have arrived.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom};
#[cfg(unix)]
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::task::spawn_blocking;

use super::digest::Hasher;
use super::{FileError, failed};

/// It is locked while it is open, so that nobody else writes to it, even after it was renamed.
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

#[derive(Debug, Eq, PartialEq)]
enum Lock {
    Held,
    /// The file is no longer at its path: the previous holder renamed or deleted it.
    Moved,
    /// Somebody else holds the lock.
    Taken,
}

impl Part {
    /// Opens the first of `copies` partial files that nobody else has open, for a file of that
    /// size, and returns its contents.
    pub(super) async fn open(
        path: PathBuf,
        copies: u32,
        size: u64,
    ) -> Result<(Self, Hasher, u64), FileError> {
        let opening = spawn_blocking(move || {
            let mut number = 1;
            loop {
                let path = numbered(&path, number);
                match open(&path, size).map_err(failed(&path))? {
                    Some((file, hasher, bytes)) => {
                        let file = File::from_std(file);
                        return Ok((Self { path, file }, hasher, bytes));
                    }
                    None if number == copies => {
                        return Err(failed(path)(io::ErrorKind::WouldBlock.into()));
                    }
                    None => number += 1,
                }
            }
        });
        opening.await.expect("reading does not panic")
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    if number > 1 {
        path.push(format!("-{number}"));
    }
    path.push(".part");
    path.into()
}

/// Opens one partial file and reads its contents; `None` if somebody else has it open.
fn open(path: &Path, size: u64) -> io::Result<Option<(fs::File, Hasher, u64)>> {
    let mut file = loop {
        let file =
            OpenOptions::new().create(true).read(true).write(true).truncate(false).open(path)?;
        match lock(&file, path)? {
            Lock::Held => break file,
            Lock::Moved => {}
            Lock::Taken => return Ok(None),
        }
    };
    if file.metadata()?.len() > size {
        file.set_len(0)?;
    }
    let hasher = Hasher::new().read(&file)?;
    let bytes = file.seek(SeekFrom::End(0))?;
    Ok(Some((file, hasher, bytes)))
}

/// Locks a file that was opened at a path. Between the two, it may have become a complete file,
/// which nobody may write to.
fn lock(file: &fs::File, path: &Path) -> io::Result<Lock> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(Lock::Taken),
        locked => locked?,
    }
    Ok(if is_at(file, path)? { Lock::Held } else { Lock::Moved })
}

#[cfg(unix)]
fn is_at(file: &fs::File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &fs::File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_completed_before_it_was_locked_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let [part, complete] = ["film.part", "film"].map(|name| folder.path().join(name));
        fs::write(&part, "complete").unwrap();
        let [first, second] = [(); 2].map(|()| fs::File::open(&part).unwrap());
        assert_eq!(lock(&first, &part).unwrap(), Lock::Held);
        assert_eq!(lock(&second, &part).unwrap(), Lock::Taken);
        fs::rename(&part, &complete).unwrap();
        drop(first);
        assert_eq!(lock(&second, &part).unwrap(), Lock::Moved);
        // Another file in its place is another file.
        let (third, _, bytes) = open(&part, 1).unwrap().unwrap();
        assert_eq!(bytes, 0);
        assert_eq!(lock(&second, &part).unwrap(), Lock::Moved);
        drop(third);
        assert_eq!(fs::read(&complete).unwrap(), b"complete");
    }
}
