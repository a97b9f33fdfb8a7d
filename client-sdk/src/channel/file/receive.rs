//! Receives a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::digest::Digest;
use super::message::{Answer, Offer, decode, encode};
use super::name;
use super::part::Part;
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
    /// [`FileError::Interrupted`] if the channel is closed, and [`FileError::Protocol`] if it is
    /// used for something else.
    pub async fn receive_file(mut self) -> Result<FileOffer, FileError> {
        let message = self.recv().await.ok_or(FileError::Interrupted)?;
        let Offer { file } = decode(&message)?;
        let name = name::plain(&file.name);
        Ok(FileOffer { channel: self, name, size: file.size, digest: file.sha256 })
    }
}

impl FileOffer {
    /// The name of the file, as the sender gives it. It contains no folder, no leading dot and no
    /// control characters, even if the sender sends some, but another file may have the same name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size, in bytes. The sender cannot send more.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The SHA-256 of its content in hexadecimal, which is checked when the file is complete.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.digest.as_str()
    }

    /// The channel of the transfer.
    #[must_use]
    pub fn channel(&self) -> &DataChannel {
        &self.channel
    }

    /// Receives the file to this path, which must not exist yet. `progress` is called during the
    /// transfer.
    ///
    /// Until the file is complete, its bytes are stored beside the path, in a file whose name ends
    /// in `.part` and contains a part of the checksum. If that file exists already, the transfer
    /// continues with it. A file whose SHA-256 is not the offered one is deleted.
    ///
    /// # Errors
    ///
    /// [`FileError::Exists`], [`FileError::Interrupted`] if the channel is closed before the file
    /// is complete, [`FileError::Checksum`], [`FileError::Io`] if the file cannot be written or is
    /// being received already, and [`FileError::Protocol`] if the sender sends too much.
    pub async fn accept(
        mut self,
        path: impl AsRef<Path>,
        progress: impl FnMut(FileProgress),
    ) -> Result<(), FileError> {
        let received = self.receive_to(path.as_ref(), progress).await;
        self.answer(&received).await;
        received
    }

    /// Receives the file into a folder under its [name](Self::name), with a number if that name
    /// exists by then, and returns its path. Several files of one name may arrive at once, and up
    /// to 64 files of one content. Everything else is as with [`accept`](Self::accept).
    ///
    /// # Errors
    ///
    /// Those of [`accept`](Self::accept), except [`FileError::Exists`].
    pub async fn accept_into(
        mut self,
        folder: impl AsRef<Path>,
        progress: impl FnMut(FileProgress),
    ) -> Result<PathBuf, FileError> {
        let received = self.receive_into(folder.as_ref(), progress).await;
        self.answer(&received).await;
        received
    }

    /// Tells the sender that the file is not wanted, and why.
    pub async fn refuse(mut self, reason: &str) {
        self.close_with(&Answer::Refused(reason.to_owned())).await;
    }

    async fn receive_to(
        &mut self,
        path: &Path,
        progress: impl FnMut(FileProgress),
    ) -> Result<(), FileError> {
        if fs::try_exists(path).await.map_err(failed(path))? {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        let part = self.receive(path, 1, progress).await?;
        settle(&part.path, path).await
    }

    async fn receive_into(
        &mut self,
        folder: &Path,
        progress: impl FnMut(FileProgress),
    ) -> Result<PathBuf, FileError> {
        let part = self.receive(&folder.join(&self.name), MAX_PARTS, progress).await?;
        let mut number = 1;
        loop {
            let path = folder.join(name::numbered(&self.name, number));
            match settle(&part.path, &path).await {
                Err(FileError::Exists { .. }) => number += 1,
                settled => return settled.map(|()| path),
            }
        }
    }

    /// Receives the whole file beside that path. Up to `copies` of it may be received at once.
    async fn receive(
        &mut self,
        path: &Path,
        copies: u32,
        mut progress: impl FnMut(FileProgress),
    ) -> Result<Part, FileError> {
        let size = self.size;
        let path = path.with_added_extension(self.digest.short());
        let (mut part, mut hasher, mut bytes) = Part::open(path, copies, size).await?;
        let from = encode(&Answer::From(bytes));
        self.channel.send_text(&from).await.map_err(|_| FileError::Interrupted)?;
        progress(FileProgress { bytes, size });
        while bytes < size {
            let Some(message) = self.channel.recv().await else {
                // The next attempt continues from here.
                part.file.flush().await.map_err(failed(&part.path))?;
                return Err(FileError::Interrupted);
            };
            bytes += message.data.len() as u64;
            if bytes > size || message.is_text {
                return Err(FileError::Protocol("there is more than was offered".to_owned()));
            }
            hasher.update(&message.data);
            part.file.write_all(&message.data).await.map_err(failed(&part.path))?;
            progress(FileProgress { bytes, size });
        }
        part.file.sync_all().await.map_err(failed(&part.path))?;
        if hasher.finish() != self.digest {
            fs::remove_file(&part.path).await.map_err(failed(&part.path))?;
            return Err(FileError::Checksum);
        }
        Ok(part)
    }

    /// Tells the sender the outcome.
    async fn answer<T>(&mut self, received: &Result<T, FileError>) {
        let answer = match received {
            Ok(_) => Answer::Done(true),
            Err(FileError::Checksum) => Answer::Failed(CHECKSUM.to_owned()),
            // The paths of this machine are not sent to the other side.
            Err(FileError::Io { error, .. }) => Answer::Failed(error.kind().to_string()),
            Err(FileError::Exists { .. }) => Answer::Failed("it has such a file".to_owned()),
            Err(error) => Answer::Failed(error.to_string()),
        };
        self.close_with(&answer).await;
    }

    /// Sends the answer, and waits until it is delivered, since dropping a channel may lose
    /// messages on their way.
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

/// Moves a complete file to its path, unless the path exists by now.
async fn settle(part: &Path, path: &Path) -> Result<(), FileError> {
    // A rename would replace an existing file, so the path is created first.
    match File::create_new(path).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        Err(error) => return Err(failed(path)(error)),
    }
    if let Err(error) = fs::rename(part, path).await {
        // If this fails too, the error names the path.
        let _ = fs::remove_file(path).await;
        return Err(failed(path)(error));
    }
    Ok(())
}

const HEARING: Duration = Duration::from_secs(5);
/// How many copies of one file may be received into one folder at once, from several senders.
const MAX_PARTS: u32 = 64;

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
        // The next attempt continues from there.
        assert_eq!(fs::read(&part).unwrap(), b"what was received");
        fs::remove_file(&path).unwrap();
        settle(&part, &path).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"what was received");
        assert!(!part.exists());
    }
}
