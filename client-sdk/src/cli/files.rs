//! Files that are sent to other participants, and received from them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use signal_core::ParticipantId;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::reporter::Reporter;
use crate::channel::{DataChannel, Delivery, FileError};
use crate::error::ChannelError;
use crate::participant::Participant;

/// The file transfers. Those that are incomplete when this is dropped continue the next time.
pub(super) struct Files {
    to_send: Vec<PathBuf>,
    /// The participants that files are or were sent to.
    recipients: HashSet<ParticipantId>,
    inbox: Option<Inbox>,
    reporter: Reporter,
    tasks: JoinSet<()>,
}

/// The directory for received files.
#[derive(Clone)]
pub(super) struct Inbox {
    directory: PathBuf,
    room: Arc<Mutex<Room>>,
}

/// How much may still be received.
struct Room {
    /// In bytes, for all files together.
    left: u64,
    /// The interrupted files, each of which has its space reserved, and how often each was
    /// interrupted.
    interrupted: HashMap<Incoming, u32>,
}

/// What identifies a file while it arrives.
#[derive(Clone, Eq, Hash, PartialEq)]
struct Incoming {
    name: String,
    size: u64,
    sha256: String,
}

impl Files {
    pub(super) fn new(to_send: Vec<PathBuf>, inbox: Option<Inbox>, reporter: Reporter) -> Self {
        Self { to_send, recipients: HashSet::new(), inbox, reporter, tasks: JoinSet::new() }
    }

    /// Sends each file to a connected participant, over a channel of its own.
    pub(super) fn send(&mut self, participant: &Participant, to: ParticipantId) {
        if !self.recipients.insert(to) {
            return;
        }
        // Remove the finished tasks.
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

    /// Receives the file that comes over a channel, or hands the channel back if it is for
    /// something else.
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
    /// Creates an inbox that receives at most `most` bytes.
    pub(super) fn new(directory: PathBuf, most: u64) -> Self {
        let room = Room { left: most, interrupted: HashMap::new() };
        Self { directory, room: Arc::new(Mutex::new(room)) }
    }

    async fn receive(&self, channel: DataChannel) -> Result<PathBuf, String> {
        let offer = channel.receive_file().await.map_err(|error| error.to_string())?;
        let incoming = Incoming {
            name: offer.name().to_owned(),
            size: offer.size(),
            sha256: offer.sha256().to_owned(),
        };
        if !self.room().take(&incoming) {
            offer.refuse("there is no room for it").await;
            return Err(format!("there is no room for {} bytes", incoming.size));
        }
        let mut has_begun = false;
        let received = offer.accept_into(&self.directory, |_| has_begun = true).await;
        match &received {
            Err(FileError::Interrupted) => self.room().interrupted(incoming),
            Err(FileError::Io { .. }) if !has_begun => self.room().give_back(&incoming),
            Ok(_) | Err(_) => {}
        }
        received.map_err(|error| error.to_string())
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Reserves the space of a file, unless it was reserved before an interruption; `false` if
    /// there is not enough left.
    fn take(&mut self, file: &Incoming) -> bool {
        if let Some(times) = self.interrupted.get_mut(file) {
            *times -= 1;
            if *times == 0 {
                self.interrupted.remove(file);
            }
            return true;
        }
        let left = self.left.checked_sub(file.charge());
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn interrupted(&mut self, file: Incoming) {
        *self.interrupted.entry(file).or_default() += 1;
    }

    fn give_back(&mut self, file: &Incoming) {
        self.left += file.charge();
    }
}

impl Incoming {
    fn charge(&self) -> u64 {
        self.size.max(LEAST_CHARGE)
    }
}

/// After an interruption it goes on where it was, for as long as the other side is in the room and
/// more of the file gets there.
async fn send(participant: &Participant, to: ParticipantId, path: &Path) -> Result<(), String> {
    let (mut furthest, mut idle_attempts) = (None, 0);
    loop {
        let channel = participant.open_channel(to, LABEL, Delivery::default()).await;
        let channel = match channel {
            Ok(channel) => channel,
            // Another connection may come.
            Err(ChannelError::NoConnection) if participant.participant(to).is_some() => {
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error.to_string()),
        };
        let before = furthest;
        let sent = channel.send_file(path, |at| furthest = furthest.max(Some(at.bytes))).await;
        idle_attempts = if furthest > before { 0 } else { idle_attempts + 1 };
        match sent {
            Ok(()) => return Ok(()),
            Err(FileError::Interrupted) if idle_attempts <= MAX_RETRIES => sleep(PAUSE).await,
            Err(error) => return Err(error.to_string()),
        }
    }
}

const PAUSE: Duration = Duration::from_secs(5);
/// How many attempts in a row may make no progress: perhaps the other side receives no files.
const MAX_RETRIES: u32 = 3;
/// The minimum space of a file on a disk, in bytes.
const LEAST_CHARGE: u64 = 4096;
/// The label of channels for files. Applications on the other side may use other labels.
const LABEL: &str = "file";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: u64) -> Incoming {
        Incoming { name: name.to_owned(), size, sha256: "00".to_owned() }
    }

    #[test]
    fn a_file_that_goes_on_is_not_counted_again() {
        let mut room = Room { left: 10_000, interrupted: HashMap::new() };
        for _ in 0..3 {
            assert!(room.take(&file("a", 6000)));
            room.interrupted(file("a", 6000));
        }
        assert!(!room.take(&file("b", 6000)), "it has another name, so it is another file");
        assert!(!room.take(&file("a", 6001)));
        assert!(room.take(&file("a", 6000)));
        assert!(!room.take(&file("a", 6000)), "it is on its way already");
        room.give_back(&file("a", 6000));
        assert!(room.take(&file("a", 6000)));
        assert!(!room.take(&file("b", 4001)) && !room.take(&file("tiny", 1)));
    }
}
