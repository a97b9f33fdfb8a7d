//! The thread that writes rooms to disk. It saves all queued changes with one commit.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use signal_core::{Room, RoomId};
use thiserror::Error;
use tokio::sync::oneshot;

use super::room_store::{RoomStore, RoomWrite};
use crate::metrics::Metrics;

/// A handle to the thread that saves rooms. Clones share one thread, which ends when the last clone
/// is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: Sender<Save>,
}

/// A change to save.
pub(crate) struct Save {
    pub(crate) change: PendingWrite,
    /// Whether the room is new. A new room that cannot be saved is discarded instead of retried.
    pub(crate) is_new: bool,
    pub(crate) then: Then,
}

/// The change to make on disk.
#[derive(Debug)]
pub(crate) enum PendingWrite {
    /// Remove the room's record.
    Forget(RoomId),
    /// Change nothing, but wait until earlier changes are saved.
    Nothing,
    /// Store this record.
    Put(Arc<Room>),
}

/// The callback for when the change is on disk, or could not be saved.
pub(crate) type Then = Box<dyn FnOnce(Result<(), NotSaved>) + Send>;

/// The change could not be saved. It remains in memory, and is saved when the disk works again.
#[derive(Clone, Copy, Debug, Error)]
#[error("the room could not be saved")]
pub(crate) struct NotSaved;

impl Writer {
    pub(crate) fn start(store: impl RoomStore, metrics: Metrics) -> io::Result<Self> {
        let (queue, saves) = mpsc::channel();
        thread::Builder::new()
            .name("rooms".to_owned())
            .spawn(move || Backlog::new(store, metrics).run(&saves))?;
        Ok(Self { queue })
    }

    pub(crate) fn save(&self, save: Save) {
        if let Err(mpsc::SendError(save)) = self.queue.send(save) {
            tracing::error!("the thread that saves rooms has ended");
            (save.then)(Err(NotSaved));
        }
    }

    /// Waits until all earlier changes are on disk, or could not be saved.
    pub(crate) async fn flush(&self) {
        let (done_in, done) = oneshot::channel();
        let then: Then = Box::new(move |_| {
            let _ = done_in.send(());
        });
        self.save(Save { change: PendingWrite::Nothing, is_new: false, then });
        // `save` logs it if the thread has ended.
        let _ = done.await;
    }
}

impl PendingWrite {
    fn entry(&self) -> Option<(RoomId, Option<Arc<Room>>)> {
        match self {
            Self::Forget(room) => Some((*room, None)),
            Self::Nothing => None,
            Self::Put(record) => Some((record.id(), Some(Arc::clone(record)))),
        }
    }
}

/// The state of the thread: the store, and the changes that are not saved yet.
struct Backlog<S> {
    store: S,
    unsaved: BTreeMap<RoomId, Option<Arc<Room>>>,
    /// When a failing store is tried again. Each attempt reopens the file, so requests do not
    /// trigger it.
    retry_at: Option<Instant>,
    metrics: Metrics,
}

impl<S: RoomStore> Backlog<S> {
    fn new(store: S, metrics: Metrics) -> Self {
        Self { store, unsaved: BTreeMap::new(), retry_at: None, metrics }
    }

    fn run(mut self, saves: &Receiver<Save>) {
        while let Some(batch) = self.next_batch(saves) {
            let told = self.write(&batch);
            for save in batch {
                (save.then)(told);
            }
        }
    }

    /// Waits for changes and takes all that are queued. Returns `None` when all handles are
    /// dropped.
    fn next_batch(&self, saves: &Receiver<Save>) -> Option<Vec<Save>> {
        let first = match self.retry_at.filter(|_| !self.unsaved.is_empty()) {
            None => Some(saves.recv().ok()?),
            Some(at) => match saves.recv_timeout(at.saturating_duration_since(Instant::now())) {
                Ok(save) => Some(save),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        Some(first.into_iter().chain(saves.try_iter().take(MOST_AT_ONCE)).collect())
    }

    fn write(&mut self, batch: &[Save]) -> Result<(), NotSaved> {
        let mut changes = self.unsaved.clone();
        changes.extend(batch.iter().filter_map(|save| save.change.entry()));
        if changes.is_empty() {
            return Ok(());
        }
        let is_early = self.retry_at.is_some_and(|at| Instant::now() < at);
        let saved = if is_early { Err(NotSaved) } else { self.try_to_save(&changes) };
        match saved {
            Ok(()) => self.unsaved.clear(),
            Err(NotSaved) => {
                let kept = batch.iter().filter(|save| !save.is_new);
                self.unsaved.extend(kept.filter_map(|save| save.change.entry()));
            }
        }
        saved
    }

    fn try_to_save(
        &mut self,
        changes: &BTreeMap<RoomId, Option<Arc<Room>>>,
    ) -> Result<(), NotSaved> {
        let began = Instant::now();
        let change = |(room, record): (&RoomId, &Option<Arc<Room>>)| match record {
            Some(record) => RoomWrite::Put { room: *room, record: record.to_record() },
            None => RoomWrite::Remove { room: *room },
        };
        let changes: Vec<_> = changes.iter().map(change).collect();
        // A panic can only leave the store itself inconsistent, and its documentation says that it
        // is called again.
        let saved = catch_unwind(AssertUnwindSafe(|| self.store.save(&changes)));
        let error = match saved {
            Ok(Ok(())) => {
                self.metrics.saved(began.elapsed());
                if self.retry_at.take().is_some() {
                    tracing::info!("rooms are saved again");
                }
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the room store panicked".to_owned(),
        };
        if self.retry_at.is_none() {
            tracing::error!(
                error,
                "cannot save rooms; no rooms can be created until saving works again"
            );
        }
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
        Err(NotSaved)
    }
}

const MOST_AT_ONCE: usize = 1024;
const RETRY_AFTER: Duration = Duration::from_secs(1);
