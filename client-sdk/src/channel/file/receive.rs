//! Receives a file.

use std::fmt;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::digest::{Digest, Hasher};
use super::message::{Answer, Offer, decode, encode};
use super::name;
use super::{CHECKSUM, FileError, FileProgress, failed};
use crate::channel::DataChannel;

/// A file that the other side wants to send; see [`DataChannel::receive_file`].
pub struct FileOffer {
    channel: DataChannel,
    name: String,
    size: u64,
    digest: Digest,
}

impl DataChannel {
    /// Receives the description of a file, which the other side sends over this channel by
    /// [`send_file`](Self::send_file) or as a page does. [The guide](crate::guide::channels) has
    /// the format.
    ///
    /// ```no_run
    /// # use client_sdk::{Event, FileError};
    /// # async fn run(event: Event) -> Result<(), FileError> {
    /// if let Event::DataChannel(channel) = event
    ///     && channel.label() == "file"
    /// {
    ///     let offer = channel.receive_file().await?;
    ///     if offer.size() > 100_000_000 {
    ///         offer.refuse("that is too much").await;
    ///         return Ok(());
    ///     }
    ///     let path = std::path::Path::new("received").join(offer.name());
    ///     offer.accept(path, |at| println!("{} of {}", at.bytes, at.size)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`FileError::Interrupted`] if the channel is closed, and [`FileError::Protocol`] if it has
    /// another purpose.
    pub async fn receive_file(mut self) -> Result<FileOffer, FileError> {
        let message = self.recv().await.ok_or(FileError::Interrupted)?;
        let Offer { file } = decode(&message)?;
        let name = name::plain(&file.name);
        Ok(FileOffer { channel: self, name, size: file.size, digest: file.sha256 })
    }
}

impl FileOffer {
    /// The name, as the sender calls the file. It has no folder in it, no dot at its beginning and
    /// no control characters, whatever the sender says, but it may be that of another file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size, in bytes. The sender cannot send more.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The channel over which it comes.
    #[must_use]
    pub fn channel(&self) -> &DataChannel {
        &self.channel
    }

    /// Receives the file to this path, where there must be nothing yet. `progress` is called as it
    /// goes.
    ///
    /// Until it is complete, what has arrived is beside it in a file that ends in `.part` and has a
    /// part of the checksum in its name. If it is there already, it is gone on with. A file whose
    /// SHA-256 is another than the offered one is deleted.
    ///
    /// # Errors
    ///
    /// [`FileError::Exists`], [`FileError::Interrupted`] if the channel is closed before all is
    /// there, [`FileError::Checksum`], [`FileError::Io`] if the file cannot be written or is being
    /// received already, and [`FileError::Protocol`] if the sender sends too much.
    pub async fn accept(
        mut self,
        path: impl AsRef<Path>,
        progress: impl FnMut(FileProgress),
    ) -> Result<(), FileError> {
        let received = self.receive(path.as_ref(), progress).await;
        let answer = match &received {
            Ok(()) => Answer::Done(true),
            Err(FileError::Checksum) => Answer::Failed(CHECKSUM.to_owned()),
            // The paths of this machine are nobody's business.
            Err(FileError::Io { error, .. }) => Answer::Failed(error.kind().to_string()),
            Err(FileError::Exists { .. }) => Answer::Failed("it has such a file".to_owned()),
            Err(error) => Answer::Failed(error.to_string()),
        };
        self.close_with(&answer).await;
        received
    }

    /// Tells the sender that the file is not wanted, and why.
    pub async fn refuse(mut self, reason: &str) {
        self.close_with(&Answer::Refused(reason.to_owned())).await;
    }

    async fn receive(
        &mut self,
        path: &Path,
        mut progress: impl FnMut(FileProgress),
    ) -> Result<(), FileError> {
        let size = self.size;
        if fs::try_exists(path).await.map_err(failed(path))? {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        let part_path = self.part_path(path);
        let (mut part, mut hasher, mut bytes) = open(part_path.clone(), size).await?;
        let from = encode(&Answer::From(bytes));
        self.channel.send_text(&from).await.map_err(|_| FileError::Interrupted)?;
        progress(FileProgress { bytes, size });
        while bytes < size {
            let Some(message) = self.channel.recv().await else {
                // The next attempt goes on from here.
                part.flush().await.map_err(failed(&part_path))?;
                return Err(FileError::Interrupted);
            };
            bytes += message.data.len() as u64;
            if bytes > size || message.is_text {
                return Err(FileError::Protocol("there is more than was offered".to_owned()));
            }
            hasher.update(&message.data);
            part.write_all(&message.data).await.map_err(failed(&part_path))?;
            progress(FileProgress { bytes, size });
        }
        part.sync_all().await.map_err(failed(&part_path))?;
        if hasher.finish() != self.digest {
            fs::remove_file(&part_path).await.map_err(failed(&part_path))?;
            return Err(FileError::Checksum);
        }
        settle(&part_path, path).await
    }

    fn part_path(&self, path: &Path) -> PathBuf {
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{}.part", self.digest.short()));
        part.into()
    }

    /// Says it, and waits until the sender has heard it: whoever drops a channel may lose what is
    /// on its way.
    async fn close_with(&mut self, answer: &Answer) {
        if self.channel.send_text(&encode(answer)).await.is_ok() {
            let closed = async { while self.channel.recv().await.is_some() {} };
            let _ = timeout(HEARING, closed).await;
        }
    }
}

impl fmt::Debug for FileOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileOffer")
            .field("name", &self.name)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Opens what is there of a file of that size, and returns what it contains.
async fn open(path: PathBuf, size: u64) -> Result<(File, Hasher, u64), FileError> {
    let opening = spawn_blocking(move || {
        let open = || {
            let mut options = std::fs::OpenOptions::new();
            let mut file =
                options.create(true).read(true).write(true).truncate(false).open(&path)?;
            file.try_lock()?;
            if file.metadata()?.len() > size {
                file.set_len(0)?;
            }
            let hasher = Hasher::new().read(&file)?;
            let bytes = file.seek(SeekFrom::End(0))?;
            Ok((file, hasher, bytes))
        };
        let (file, hasher, bytes) = open().map_err(failed(&path))?;
        Ok((File::from_std(file), hasher, bytes))
    });
    opening.await.expect("reading does not panic")
}

/// Moves a complete file to its path, unless there is something by now.
async fn settle(part: &Path, path: &Path) -> Result<(), FileError> {
    // A rename replaces what is there, so the place is taken first.
    match File::create_new(path).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        Err(error) => return Err(failed(path)(error)),
    }
    if let Err(error) = fs::rename(part, path).await {
        // If this fails too, the error tells where to look.
        let _ = fs::remove_file(path).await;
        return Err(failed(path)(error));
    }
    Ok(())
}

const HEARING: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_file_that_has_appeared_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [part, path] = ["part", "film"].map(|name| folder.path().join(name));
        fs::write(&part, "what was received").unwrap();
        fs::write(&path, "what somebody else has written").unwrap();
        let settled = settle(&part, &path).await;
        assert!(matches!(settled, Err(FileError::Exists { .. })), "{settled:?}");
        assert_eq!(fs::read(&path).unwrap(), b"what somebody else has written");
        // The next attempt goes on from there.
        assert_eq!(fs::read(&part).unwrap(), b"what was received");
        fs::remove_file(&path).unwrap();
        settle(&part, &path).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"what was received");
        assert!(!part.exists());
    }
}
