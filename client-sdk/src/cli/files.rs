//! Files that are sent to the others, and received of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use signal_core::ParticipantId;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::reporter::Reporter;
use crate::channel::{DataChannel, Delivery, FileError};
use crate::participant::Participant;

/// The files on their way; what is not there when this is dropped goes on the next time.
pub(super) struct Files {
    to_send: Vec<PathBuf>,
    /// Those that they are or were sent to.
    recipients: HashSet<ParticipantId>,
    inbox: Option<Inbox>,
    reporter: Reporter,
    tasks: JoinSet<()>,
}

/// Where received files are put.
#[derive(Clone)]
pub(super) struct Inbox {
    directory: PathBuf,
    /// The bytes that may still come, of all files together.
    room: Arc<AtomicU64>,
}

impl Files {
    pub(super) fn new(to_send: Vec<PathBuf>, inbox: Option<Inbox>, reporter: Reporter) -> Self {
        Self { to_send, recipients: HashSet::new(), inbox, reporter, tasks: JoinSet::new() }
    }

    /// Sends each file to a participant who is connected, over a channel each.
    pub(super) fn send(&mut self, participant: &Participant, to: ParticipantId) {
        if !self.recipients.insert(to) {
            return;
        }
        // Those that have arrived are done with.
        while self.tasks.try_join_next().is_some() {}
        for path in self.to_send.clone() {
            let (participant, reporter) = (participant.clone(), self.reporter.clone());
            self.tasks.spawn(async move {
                let shown = path.display().to_string();
                let told = json!({"participant": to.as_str(), "path": shown});
                match send(&participant, to, &path).await {
                    Ok(()) => reporter.tell("sent", &format!("{to} has {shown}"), told),
                    Err(error) => {
                        eprintln!("warning: {to} does not get {shown}: {}", error.escape_debug());
                    }
                }
            });
        }
    }

    /// Receives the file that comes over a channel, or hands the channel back if it is for something
    /// else.
    pub(super) fn receive(&mut self, channel: DataChannel) -> Option<DataChannel> {
        let Some(inbox) = self.inbox.clone().filter(|_| channel.label() == LABEL) else {
            return Some(channel);
        };
        while self.tasks.try_join_next().is_some() {}
        let reporter = self.reporter.clone();
        self.tasks.spawn(async move {
            let from = channel.participant();
            match inbox.receive(channel).await {
                Ok(path) => {
                    let shown = path.display().to_string();
                    let told = json!({"participant": from.as_str(), "path": shown});
                    reporter.tell("received", &format!("{from} has sent {shown}"), told);
                }
                Err(error) => {
                    eprintln!(
                        "warning: a file of {from} is not received: {}",
                        error.escape_debug()
                    );
                }
            }
        });
        None
    }
}

impl Inbox {
    /// At most so many bytes are received.
    pub(super) fn new(directory: PathBuf, most: u64) -> Self {
        Self { directory, room: Arc::new(AtomicU64::new(most)) }
    }

    async fn receive(&self, channel: DataChannel) -> Result<PathBuf, String> {
        let offer = channel.receive_file().await.map_err(|error| error.to_string())?;
        let size = offer.size();
        let charge = size.max(LEAST_CHARGE);
        let taken = self
            .room
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(charge));
        if taken.is_err() {
            offer.refuse("there is no room for it").await;
            return Err(format!("there is no room for {size} bytes"));
        }
        let path = free(&self.directory, offer.name());
        let mut has_begun = false;
        let accepted = offer.accept(&path, |_| has_begun = true).await;
        if let Err(FileError::Exists { .. } | FileError::Io { .. }) = accepted
            && !has_begun
        {
            self.room.fetch_add(charge, Ordering::Relaxed);
        }
        accepted.map(|()| path).map_err(|error| error.to_string())
    }
}

/// After an interruption it goes on where it was, for as long as the connection comes back and more
/// of the file gets there.
async fn send(participant: &Participant, to: ParticipantId, path: &Path) -> Result<(), String> {
    let (mut furthest, mut idle_attempts) = (None, 0);
    loop {
        let before = furthest;
        let channel = participant.open_channel(to, LABEL, Delivery::default()).await;
        let channel = channel.map_err(|error| error.to_string())?;
        let sent = channel.send_file(path, |at| furthest = furthest.max(Some(at.bytes))).await;
        idle_attempts = if furthest > before { 0 } else { idle_attempts + 1 };
        match sent {
            Ok(()) => return Ok(()),
            Err(FileError::Interrupted) if idle_attempts <= MAX_RETRIES => sleep(PAUSE).await,
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// A path with that name, or with a number behind it, at which there is nothing.
fn free(directory: &Path, name: &str) -> PathBuf {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let dot = if extension.is_empty() { "" } else { "." };
    let mut path = directory.join(name);
    let mut number = 1;
    while path.exists() {
        number += 1;
        path = directory.join(format!("{stem}-{number}{dot}{extension}"));
    }
    path
}

const PAUSE: Duration = Duration::from_secs(5);
/// One after another that bring nothing: perhaps the other side receives no files.
const MAX_RETRIES: u32 = 3;
/// What a file takes at least on a disk, in bytes.
const LEAST_CHARGE: u64 = 4096;
/// Of the channels of this program over which files go; the application of the other side may call
/// others as it likes.
const LABEL: &str = "file";
