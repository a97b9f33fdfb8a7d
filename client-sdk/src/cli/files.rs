//! Files that are sent to other participants, and received from them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use signal_core::ParticipantId;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::reporter::Reporter;
use crate::channel::{DataChannel, Delivery, FileError};
use crate::error::ChannelError;
use crate::participant::Participant;

/// The file transfers. Those that are incomplete when this is dropped continue the next time.
pub(super) struct Files {
    recipients: Recipients,
    inbox: Option<Inbox>,
    reporter: Reporter,
    /// Tasks return the files that continue with the next connection.
    tasks: JoinSet<Option<(ParticipantId, PathBuf)>>,
}

/// The files that each participant still has to receive.
struct Recipients {
    to_send: Vec<PathBuf>,
    /// The files that continue with the next connection, of each participant that files are or were
    /// sent to.
    unsent: HashMap<ParticipantId, Vec<PathBuf>>,
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
        let recipients = Recipients { to_send, unsent: HashMap::new() };
        Self { recipients, inbox, reporter, tasks: JoinSet::new() }
    }

    /// Sends each file to a connected participant, over a channel of its own, unless the
    /// participant received it over an earlier connection.
    pub(super) fn send(&mut self, participant: &Participant, to: ParticipantId) {
        self.clean_up();
        for path in self.recipients.take(to) {
            let (participant, reporter) = (participant.clone(), self.reporter.clone());
            self.tasks.spawn(async move {
                let shown = path.display().to_string();
                let told = json!({"participant": to.as_str(), "path": shown});
                let error = match send(&participant, to, &path).await {
                    Ok(()) => {
                        reporter.tell("sent", &format!("{to} has {shown}"), told);
                        return None;
                    }
                    Err(error) => error,
                };
                let reason = error.to_string();
                eprintln!("warning: {to} does not get {shown}: {}", reason.escape_debug());
                matches!(error, SendFailure::Unconnected).then_some((to, path))
            });
        }
    }

    /// Receives the file that comes over a channel, or hands the channel back if it is for
    /// something else.
    pub(super) fn receive(&mut self, channel: DataChannel) -> Option<DataChannel> {
        let Some(inbox) = self.inbox.clone().filter(|_| channel.label() == LABEL) else {
            return Some(channel);
        };
        self.clean_up();
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
            None
        });
        None
    }

    /// Removes the finished tasks, and notes the files that continue with the next connection.
    fn clean_up(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Ok(Some((to, path))) = ended {
                self.recipients.give_back(to, path);
            }
        }
    }
}

impl Recipients {
    /// The files to send to a participant over a new connection.
    fn take(&mut self, to: ParticipantId) -> Vec<PathBuf> {
        match self.unsent.entry(to) {
            Entry::Occupied(mut unsent) => mem::take(unsent.get_mut()),
            Entry::Vacant(entry) => {
                entry.insert(Vec::new());
                self.to_send.clone()
            }
        }
    }

    fn give_back(&mut self, to: ParticipantId, path: PathBuf) {
        self.unsent.entry(to).or_default().push(path);
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

/// The reason why a file has not arrived.
#[derive(Debug, Error)]
enum SendFailure {
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("there has been no connection for a minute; the transfer continues once there is one")]
    Unconnected,
}

/// After an interruption it goes on where it was, for as long as the other side is in the room and
/// more of the file gets there.
async fn send(
    participant: &Participant,
    to: ParticipantId,
    path: &Path,
) -> Result<(), SendFailure> {
    let (mut furthest, mut idle_attempts) = (None, 0);
    loop {
        let open = || participant.open_channel(to, LABEL, Delivery::default());
        let channel = once_connected(open, || participant.participant(to).is_some()).await?;
        let before = furthest;
        let sent = channel.send_file(path, |at| furthest = furthest.max(Some(at.bytes))).await;
        idle_attempts = if furthest > before { 0 } else { idle_attempts + 1 };
        match sent {
            Err(FileError::Interrupted) if idle_attempts <= MAX_RETRIES => sleep(PAUSE).await,
            sent => return Ok(sent?),
        }
    }
}

/// Opens a channel. Without a connection, it waits for one while the other side is in the room, up
/// to a minute.
async fn once_connected<T, F>(
    open: impl Fn() -> F,
    is_in_room: impl Fn() -> bool,
) -> Result<T, SendFailure>
where
    F: Future<Output = Result<T, ChannelError>>,
{
    let until = Instant::now() + PATIENCE;
    loop {
        match open().await {
            Err(ChannelError::NoConnection) if is_in_room() => {}
            opened => return Ok(opened?),
        }
        if Instant::now() >= until {
            return Err(SendFailure::Unconnected);
        }
        sleep(PAUSE).await;
    }
}

const PAUSE: Duration = Duration::from_secs(5);
/// Longer than an ICE restart and a new connection take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many attempts in a row may make no progress: perhaps the other side receives no files.
const MAX_RETRIES: u32 = 3;
/// The minimum space of a file on a disk, in bytes.
const LEAST_CHARGE: u64 = 4096;
/// The label of channels for files. Applications on the other side may use other labels.
const LABEL: &str = "file";

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_waited_for_a_minute() {
        let attempts = Cell::new(0);
        let open = async || {
            attempts.set(attempts.get() + 1);
            if attempts.get() < 3 { Err(ChannelError::NoConnection) } else { Ok(()) }
        };
        once_connected(open, || true).await.unwrap();
        let never = async || Err::<(), _>(ChannelError::NoConnection);
        let since = Instant::now();
        let waited = once_connected(never, || true).await;
        assert!(matches!(waited, Err(SendFailure::Unconnected)), "{waited:?}");
        assert_eq!(since.elapsed(), Duration::from_secs(60));
        let left = once_connected(never, || false).await;
        assert!(matches!(left, Err(SendFailure::Channel(ChannelError::NoConnection))), "{left:?}");
        assert_eq!(since.elapsed(), Duration::from_secs(60));
    }

    #[test]
    fn a_participant_gets_what_it_has_not_got_over_its_next_connection() {
        let [a, b] = ["p_0000000a", "p_0000000b"].map(|id| id.parse().unwrap());
        let files = ["one", "two"].map(PathBuf::from).to_vec();
        let mut recipients = Recipients { to_send: files.clone(), unsent: HashMap::new() };
        assert_eq!(recipients.take(a), files);
        assert!(recipients.take(a).is_empty());
        recipients.give_back(a, files[1].clone());
        assert_eq!(recipients.take(b), files);
        assert_eq!(recipients.take(a), files[1..]);
        assert!(recipients.take(a).is_empty());
    }
}
