//! Sends a file.

use std::io::SeekFrom;
use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::task::spawn_blocking;

use super::digest::{Digest, Hasher};
use super::message::{Answer, Described, Offer, decode, encode};
use super::{FileError, FileProgress, failed};
use crate::channel::mailbox::MailboxReceiver;
use crate::channel::{ChannelWriter, DataChannel};
use crate::error::SendError;

impl DataChannel {
    /// Sends a file over this channel, which has to be ordered and reliable, and waits until the
    /// receiver has the whole file. `progress` is called during the transfer.
    ///
    /// A receiver that already has a part of the file, from another channel or another process,
    /// gets only the rest. The file is read twice, since its SHA-256 is sent first. 16 KiB of it
    /// are in memory at a time, besides the 1 MiB that waits to be sent. There is no limit on the
    /// time that the receiver takes to accept.
    ///
    /// ```no_run
    /// # use client_sdk::{Delivery, FileError, Participant, ParticipantId};
    /// # async fn run(bot: Participant, to: ParticipantId) -> Result<(), Box<dyn std::error::Error>> {
    /// let channel = bot.open_channel(to, "file", Delivery::default()).await?;
    /// channel.send_file("film.webm", |at| println!("{} of {}", at.bytes, at.size)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`FileError::Interrupted`] if the channel is closed, [`FileError::Refused`],
    /// [`FileError::Failed`] or [`FileError::Checksum`] as the receiver reports, and
    /// [`FileError::Io`] if the file cannot be read.
    pub async fn send_file(
        self,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(FileProgress),
    ) -> Result<(), FileError> {
        let Self { writer, mut mailbox, .. } = self;
        let path = path.as_ref();
        let (mut file, size, sha256) = open(path).await?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let offer = Offer { file: Described { name, size, sha256 } };
        send_text(&writer, &encode(&offer)).await?;
        let from = match answer(&mut mailbox).await? {
            Answer::From(from) if from <= size => from,
            other => return Err(refusal(other)),
        };
        file.seek(SeekFrom::Start(from)).await.map_err(failed(path))?;
        let mut bytes = from;
        progress(FileProgress { bytes, size });
        let sending = async {
            let mut chunk = vec![0; CHUNK_BYTES];
            while bytes < size {
                let read = file.read(&mut chunk).await.map_err(failed(path))?;
                if read == 0 {
                    // The file became shorter, so the receiver does not have the offered file.
                    return Err(FileError::Checksum);
                }
                // The file may have become longer.
                let read = read.min(usize::try_from(size - bytes).unwrap_or(usize::MAX));
                send(&writer, &chunk[..read]).await?;
                bytes += read as u64;
                progress(FileProgress { bytes, size });
            }
            Ok(())
        };
        // The receiver may fail during the transfer.
        let answer = tokio::select! {
            sent = sending => {
                sent?;
                answer(&mut mailbox).await?
            }
            answer = answer(&mut mailbox) => answer?,
        };
        match answer {
            Answer::Done(true) if bytes == size => Ok(()),
            other => Err(refusal(other)),
        }
    }
}

async fn open(path: &Path) -> Result<(File, u64, Digest), FileError> {
    let path = path.to_owned();
    let opening = spawn_blocking(move || {
        let read = || {
            let file = std::fs::File::open(&path)?;
            let size = file.metadata()?.len();
            Ok((Hasher::new().read(&file)?.finish(), size, file))
        };
        let (digest, size, file) = read().map_err(failed(&path))?;
        Ok((File::from_std(file), size, digest))
    });
    opening.await.expect("reading does not panic")
}

async fn answer(mailbox: &mut MailboxReceiver) -> Result<Answer, FileError> {
    let message = mailbox.recv().await.ok_or(FileError::Interrupted)?;
    decode(&message)
}

fn refusal(answer: Answer) -> FileError {
    match answer {
        Answer::Refused(reason) => FileError::Refused { reason },
        Answer::Failed(reason) if reason == super::CHECKSUM => FileError::Checksum,
        Answer::Failed(reason) => FileError::Failed { reason },
        Answer::From(_) | Answer::Done(_) => {
            FileError::Protocol(format!("{} was not to be said here", encode(&answer)))
        }
    }
}

/// Sends bytes once there is room for them.
async fn send(writer: &ChannelWriter, bytes: &[u8]) -> Result<(), FileError> {
    loop {
        writer.writable().await.map_err(|_| FileError::Interrupted)?;
        match writer.send(bytes.to_vec().into()).await {
            Ok(()) => return Ok(()),
            Err(SendError::Busy) => {}
            Err(SendError::TooLarge) => {
                return Err(FileError::Protocol("the other side takes no 16 KiB".to_owned()));
            }
            Err(SendError::Closed | SendError::NoChannel) => return Err(FileError::Interrupted),
        }
    }
}

async fn send_text(writer: &ChannelWriter, text: &str) -> Result<(), FileError> {
    writer.send_text(text).await.map_err(|_| FileError::Interrupted)
}

/// Every implementation takes messages of that size (RFC 8831 section 6.6).
const CHUNK_BYTES: usize = 16 * 1024;
