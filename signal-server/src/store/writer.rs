//! The thread that writes rooms to disk. It saves the queued changes with one commit.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_core::{Room, RoomId};
use thiserror::Error;
use tokio::sync::oneshot;

use super::kept_seats::KeptSeats;
use super::pending_write::PendingWrite;
use super::room_store::{RoomStore, StoreError, StoredRoom};
use crate::metrics::Metrics;
use crate::supervision::Supervisor;

/// A handle to the thread that saves rooms. Clones share one thread, which ends when the last clone
/// is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: Arc<Queue>,
    /// Wakes the thread. One signal is enough for everything that is queued.
    bell: SyncSender<()>,
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SaveOutcome {
    pub(crate) room: RoomId,
    /// The version of the record that was written; the highest version if the room was removed.
    pub(crate) version: u64,
    pub(crate) saved: Result<(), NotSaved>,
}

/// Called for each write when it is on disk, or could not be saved.
#[derive(Clone)]
pub(crate) struct OnWritten(Arc<dyn Fn(SaveOutcome) + Send + Sync>);

/// The change could not be saved. It remains in memory, and is saved when the disk works again.
#[derive(Clone, Copy, Debug, Error)]
#[error("the room could not be saved")]
pub(crate) struct NotSaved;

/// The writes that the thread has not taken yet.
///
/// There is at most one for each room: a newer record replaces an older one, so that the queue does
/// not grow while a disk hangs.
#[derive(Debug, Default)]
struct Queue(Mutex<Queued>);

#[derive(Default)]
struct Queued {
    writes: BTreeMap<RoomId, (PendingWrite, OnWritten)>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Writer {
    /// Starts the thread, and waits until it has read all rooms. The store is called on this thread
    /// alone, where it may block.
    pub(crate) async fn start<S: RoomStore>(
        mut store: S,
        metrics: Metrics,
        supervisor: Supervisor,
    ) -> Result<(Self, Vec<Room>), StoreError<S::Error>> {
        let queue = Arc::new(Queue::default());
        let (bell, rings) = mpsc::sync_channel(1);
        let (loaded_in, loaded) = oneshot::channel();
        let taken_from = Arc::clone(&queue);
        let thread = thread::Builder::new().name("rooms".to_owned()).spawn(move || {
            let loaded = catch_unwind(AssertUnwindSafe(|| load(&mut store)));
            let (rooms, kept) = match loaded {
                Ok(Ok((rooms, kept))) => (Ok(Ok(rooms)), Some(kept)),
                Ok(Err(error)) => (Ok(Err(error)), None),
                Err(panic) => (Err(panic), None),
            };
            let (Ok(()), Some(kept)) = (loaded_in.send(rooms), kept) else { return };
            let mut backlog = Backlog::new(store, kept, taken_from, metrics);
            supervisor.run_thread("the thread that saves rooms", || backlog.run(&rings));
        });
        thread.map_err(StoreError::Thread)?;
        let Ok(rooms) = loaded.await else {
            unreachable!("the thread sends what it has read, or its panic");
        };
        match rooms {
            Ok(rooms) => Ok((Self { queue, bell }, rooms?)),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Queues a write. It replaces an older one of the same room.
    pub(crate) fn save(&self, write: PendingWrite, on_written: &OnWritten) {
        let (room, on_written) = (write.room(), on_written.clone());
        let mut queued = self.queue.lock();
        let is_new = matches!(queued.writes.get(&room), Some((PendingWrite::PutNew(_), _)));
        let write = match write {
            PendingWrite::Put(record) if is_new => PendingWrite::PutNew(record),
            other => other,
        };
        queued.writes.insert(room, (write, on_written));
        drop(queued);
        self.ring();
    }

    /// Waits until all earlier changes are on disk, or could not be saved.
    pub(crate) async fn flush(&self) {
        let (done_in, done) = oneshot::channel();
        self.queue.lock().flushes.push(done_in);
        self.ring();
        // There is no answer if the thread has failed.
        let _ = done.await;
    }

    fn ring(&self) {
        match self.bell.try_send(()) {
            // A signal that the thread has not received yet covers this write too.
            Ok(()) | Err(TrySendError::Full(())) => {}
            // The thread has ended, so waiting writes fail at once.
            Err(TrySendError::Disconnected(())) => {
                let Queued { writes, .. } = std::mem::take(&mut *self.queue.lock());
                tell(writes.into_values(), Err(NotSaved));
            }
        }
    }
}

impl Queue {
    /// Takes out the writes for one commit. If none are left after them, the callers that wait for
    /// an empty queue are taken too.
    fn take(&self) -> Queued {
        let mut queued = self.lock();
        match queued.writes.keys().nth(MOST_AT_ONCE).copied() {
            None => std::mem::take(&mut queued),
            Some(first_left) => {
                let left = queued.writes.split_off(&first_left);
                let writes = std::mem::replace(&mut queued.writes, left);
                Queued { writes, flushes: Vec::new() }
            }
        }
    }

    fn is_empty(&self) -> bool {
        let queued = self.lock();
        queued.writes.is_empty() && queued.flushes.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Queued> {
        // Nothing panics under the lock with the queue half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(writes: impl Iterator<Item = (PendingWrite, OnWritten)>, saved: Result<(), NotSaved>) {
    for (write, on_written) in writes {
        (on_written.0)(SaveOutcome { room: write.room(), version: write.version(), saved });
    }
}

impl OnWritten {
    pub(crate) fn new(tell: impl Fn(SaveOutcome) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for OnWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnWritten(..)")
    }
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued").field("writes", &self.writes.len()).finish_non_exhaustive()
    }
}

/// Reads all rooms of a store, and which identities it has.
fn load<S: RoomStore>(store: &mut S) -> Result<(Vec<Room>, KeptSeats), StoreError<S::Error>> {
    let stored = store.load().map_err(StoreError::Load)?;
    let read = |stored: &StoredRoom| {
        stored.read().map_err(|error| StoreError::Record { room: stored.room, error })
    };
    let rooms = stored.iter().map(read).collect::<Result<_, _>>()?;
    Ok((rooms, KeptSeats::of(&stored)))
}

/// The state of the thread: the store, and the changes that it has failed to save.
struct Backlog<S> {
    store: S,
    kept: KeptSeats,
    queue: Arc<Queue>,
    unsaved: BTreeMap<RoomId, PendingWrite>,
    /// When a failing store is tried again. Each attempt reopens the file, so requests do not
    /// trigger it.
    retry_at: Option<Instant>,
    metrics: Metrics,
}

impl<S: RoomStore> Backlog<S> {
    fn new(store: S, kept: KeptSeats, queue: Arc<Queue>, metrics: Metrics) -> Self {
        Self { store, kept, queue, unsaved: BTreeMap::new(), retry_at: None, metrics }
    }

    fn run(&mut self, rings: &Receiver<()>) {
        while self.wait(rings) {
            let Queued { writes, flushes } = self.queue.take();
            let each = writes.values().map(|(write, _)| write);
            let saved = catch_unwind(AssertUnwindSafe(|| self.write(each.clone())));
            if !matches!(saved, Ok(Ok(()))) {
                let kept = each.filter(|write| !matches!(write, PendingWrite::PutNew(_)));
                self.unsaved.extend(kept.map(|write| (write.room(), write.clone())));
            }
            // A panic is reported like any other failure.
            tell(writes.into_values(), *saved.as_ref().unwrap_or(&Err(NotSaved)));
            for flush in flushes {
                // Nobody waits any more.
                let _ = flush.send(());
            }
            if let Err(panic) = saved {
                resume_unwind(panic);
            }
        }
    }

    /// Waits for something to do. Returns `false` when all handles are dropped.
    fn wait(&self, rings: &Receiver<()>) -> bool {
        if !self.queue.is_empty() {
            return true;
        }
        match self.retry_at.filter(|_| !self.unsaved.is_empty()) {
            None => rings.recv().is_ok(),
            Some(at) => {
                let rung = rings.recv_timeout(at.saturating_duration_since(Instant::now()));
                rung != Err(RecvTimeoutError::Disconnected)
            }
        }
    }

    fn write<'a>(
        &mut self,
        writes: impl Iterator<Item = &'a PendingWrite>,
    ) -> Result<(), NotSaved> {
        let mut changes = self.unsaved.clone();
        changes.extend(writes.map(|write| (write.room(), write.clone())));
        if changes.is_empty() {
            return Ok(());
        }
        let is_early = self.retry_at.is_some_and(|at| Instant::now() < at);
        let saved = if is_early { Err(NotSaved) } else { self.try_to_save(&changes) };
        if saved.is_ok() {
            self.unsaved.clear();
        }
        saved
    }

    fn try_to_save(&mut self, writes: &BTreeMap<RoomId, PendingWrite>) -> Result<(), NotSaved> {
        let began = Instant::now();
        let changes: Vec<_> = writes.values().map(|write| self.kept.to_store(write)).collect();
        // A panic can leave only the store itself inconsistent, and its documentation states that
        // it is called again.
        let saved = catch_unwind(AssertUnwindSafe(|| self.store.save(&changes)));
        let error = match saved {
            Ok(Ok(())) => {
                self.metrics.saved(began.elapsed());
                writes.values().for_each(|write| self.kept.note(write));
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
