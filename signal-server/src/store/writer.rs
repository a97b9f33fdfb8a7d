//! The thread that writes rooms to disk. It saves the queued changes with one commit.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_core::RoomId;
use signal_core::room::Room;
use thiserror::Error;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::pending_write::{PendingWrite, RecordChange};
use super::queue::{QueueChange, QueuedEvent};
use super::room_store::{QueueWrite, RoomStore, StoreError, StoredRoom};
use super::stored_identities::StoredIdentities;
use super::unconfirmed_events::UnconfirmedEvents;
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

/// What a store held when the server started.
pub(crate) struct Loaded {
    pub(crate) rooms: Vec<Room>,
    /// The events that are queued for webhooks.
    pub(crate) events: Vec<QueuedEvent>,
}

/// The writes that the thread has not taken yet.
///
/// There is at most one for each room: a newer record replaces an older one, so that the queue does
/// not grow while a disk hangs. The space for events is reserved.
#[derive(Debug, Default)]
struct Queue(Mutex<Queued>);

#[derive(Default)]
struct Queued {
    writes: BTreeMap<RoomId, (PendingWrite, OnWritten)>,
    /// The ids of events to remove.
    unqueued: Vec<String>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Writer {
    /// Starts the thread, and waits until it has read all rooms. The store is called on this thread
    /// alone, where it may block.
    ///
    /// `webhooks` learns of every queued event that is saved. Without it the queue is not read.
    pub(crate) async fn start<S: RoomStore>(
        mut store: S,
        webhooks: Option<UnboundedSender<QueueChange>>,
        metrics: Metrics,
        supervisor: Supervisor,
    ) -> Result<(Self, Loaded), StoreError<S::Error>> {
        let queue = Arc::new(Queue::default());
        let (bell, rings) = mpsc::sync_channel(1);
        let (loaded_in, loaded) = oneshot::channel();
        let taken_from = Arc::clone(&queue);
        let thread = thread::Builder::new().name("rooms".to_owned()).spawn(move || {
            let has_queue = webhooks.is_some();
            let read = catch_unwind(AssertUnwindSafe(|| load(&mut store, has_queue)));
            let (loaded, kept) = match read {
                Ok(Ok((loaded, kept))) => (Ok(Ok(loaded)), Some(kept)),
                Ok(Err(error)) => (Ok(Err(error)), None),
                Err(panic) => (Err(panic), None),
            };
            let (Ok(()), Some(kept)) = (loaded_in.send(loaded), kept) else { return };
            let mut backlog = Backlog::new(store, kept, taken_from, webhooks, metrics);
            supervisor.run_thread("the thread that saves rooms", || backlog.run(&rings));
        });
        thread.map_err(StoreError::Thread)?;
        let Ok(loaded) = loaded.await else {
            unreachable!("the thread sends what it has read, or its panic");
        };
        match loaded {
            Ok(loaded) => Ok((Self { queue, bell }, loaded?)),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Queues a write. It replaces the record of an older one of the same room.
    pub(crate) fn save(&self, write: PendingWrite, on_written: &OnWritten) {
        let (room, on_written) = (write.change.room(), on_written.clone());
        let mut queued = self.queue.lock();
        let write = match queued.writes.remove(&room) {
            Some((older, _)) => write.after(older),
            None => write,
        };
        queued.writes.insert(room, (write, on_written));
        drop(queued);
        self.ring();
    }

    /// Removes an event that is delivered, or will never be.
    #[cfg(feature = "webhooks")]
    pub(crate) fn unqueue(&self, id: String) {
        self.queue.lock().unqueued.push(id);
        self.ring();
    }

    /// Waits until all earlier changes are on disk, except new rooms that could not be saved. While
    /// the disk fails, that takes until it works again.
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
                let unqueued = std::mem::take(&mut queued.unqueued);
                Queued { writes, unqueued, flushes: Vec::new() }
            }
        }
    }

    fn is_empty(&self) -> bool {
        let queued = self.lock();
        queued.writes.is_empty() && queued.unqueued.is_empty() && queued.flushes.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Queued> {
        // Nothing panics under the lock with the queue half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(writes: impl Iterator<Item = (PendingWrite, OnWritten)>, saved: Result<(), NotSaved>) {
    for (PendingWrite { change, .. }, on_written) in writes {
        (on_written.0)(SaveOutcome { room: change.room(), version: change.version(), saved });
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

/// Reads all rooms of a store, which identities it has, and its queue.
fn load<S: RoomStore>(
    store: &mut S,
    has_queue: bool,
) -> Result<(Loaded, StoredIdentities), StoreError<S::Error>> {
    let stored = store.load().map_err(StoreError::Load)?;
    let read = |stored: &StoredRoom| {
        stored.read().map_err(|error| StoreError::Record { room: stored.room, error })
    };
    let rooms = stored.iter().map(read).collect::<Result<_, _>>()?;
    let events = if has_queue { store.load_queue().map_err(StoreError::Load)? } else { Vec::new() };
    Ok((Loaded { rooms, events }, StoredIdentities::of(&stored)))
}

/// The state of the thread: the store, and the changes that it has failed to save.
struct Backlog<S> {
    store: S,
    kept: StoredIdentities,
    unconfirmed: UnconfirmedEvents,
    queue: Arc<Queue>,
    unsaved: BTreeMap<RoomId, PendingWrite>,
    /// The ids of events to remove.
    unqueued: Vec<String>,
    /// Those who wait until nothing is left to save.
    flushes: Vec<oneshot::Sender<()>>,
    webhooks: Option<UnboundedSender<QueueChange>>,
    /// When a failing store is tried again. Each attempt reopens the file, so requests do not
    /// trigger it.
    retry_at: Option<Instant>,
    metrics: Metrics,
}

impl<S: RoomStore> Backlog<S> {
    fn new(
        store: S,
        kept: StoredIdentities,
        queue: Arc<Queue>,
        webhooks: Option<UnboundedSender<QueueChange>>,
        metrics: Metrics,
    ) -> Self {
        Self {
            store,
            kept,
            unconfirmed: UnconfirmedEvents::default(),
            queue,
            unsaved: BTreeMap::new(),
            unqueued: Vec::new(),
            flushes: Vec::new(),
            webhooks,
            retry_at: None,
            metrics,
        }
    }

    fn run(&mut self, rings: &Receiver<()>) {
        while self.wait(rings) {
            let Queued { writes, unqueued, flushes } = self.queue.take();
            self.unqueued.extend(unqueued);
            self.flushes.extend(flushes);
            let each = writes.values().map(|(write, _)| write);
            let saved = catch_unwind(AssertUnwindSafe(|| self.write(each.clone())));
            if !matches!(saved, Ok(Ok(()))) {
                each.filter(|write| !write.is_new())
                    .for_each(|write| add(&mut self.unsaved, write));
            }
            // A panic is reported like any other failure.
            tell(writes.into_values(), *saved.as_ref().unwrap_or(&Err(NotSaved)));
            if !self.is_behind() {
                for flush in self.flushes.drain(..) {
                    // It may wait no more.
                    let _ = flush.send(());
                }
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
        match self.retry_at.filter(|_| self.is_behind()) {
            None => rings.recv().is_ok(),
            Some(at) => {
                let rung = rings.recv_timeout(at.saturating_duration_since(Instant::now()));
                rung != Err(RecvTimeoutError::Disconnected)
            }
        }
    }

    /// Whether there is something left that could not be saved.
    fn is_behind(&self) -> bool {
        !self.unsaved.is_empty() || !self.unqueued.is_empty()
    }

    fn write<'a>(
        &mut self,
        writes: impl Iterator<Item = &'a PendingWrite>,
    ) -> Result<(), NotSaved> {
        let is_early = self.retry_at.is_some_and(|at| Instant::now() < at);
        if is_early {
            return Err(NotSaved);
        }
        // They come first, since an earlier room may have had the id of a new one.
        if !self.unsaved.is_empty() {
            self.commit(self.unsaved.clone())?;
            self.unsaved.clear();
        }
        let new: BTreeMap<_, _> =
            writes.map(|write| (write.change.room(), write.clone())).collect();
        if new.is_empty() && self.unqueued.is_empty() { Ok(()) } else { self.commit(new) }
    }

    fn commit(&mut self, writes: BTreeMap<RoomId, PendingWrite>) -> Result<(), NotSaved> {
        self.try_to_save(&writes)?;
        self.unqueued.clear();
        writes.into_values().for_each(|write| self.tell_webhooks(write));
        Ok(())
    }

    fn tell_webhooks(&self, PendingWrite { change, events }: PendingWrite) {
        let Some(webhooks) = &self.webhooks else { return };
        let forgotten = match change {
            RecordChange::Forget(room) => Some(QueueChange::Forgotten(room)),
            RecordChange::Put(_) | RecordChange::PutNew(_) => None,
        };
        for change in events.into_iter().map(QueueChange::Added).chain(forgotten) {
            // The receiver ends with the server.
            let _ = webhooks.send(change);
        }
    }

    fn try_to_save(&mut self, writes: &BTreeMap<RoomId, PendingWrite>) -> Result<(), NotSaved> {
        let began = Instant::now();
        let changes: Vec<_> =
            writes.values().map(|write| self.kept.to_store(&write.change)).collect();
        let added = writes.values().flat_map(|write| &write.events);
        let added = added.map(|entry| QueueWrite::Put(entry.event.clone()));
        let withdrawn =
            writes.values().flat_map(|write| self.unconfirmed.removed_by(&write.change));
        let removed = self.unqueued.iter().map(String::as_str).chain(withdrawn);
        let removed = removed.map(|id| QueueWrite::Remove { id: id.to_owned() });
        let queue: Vec<_> = added.chain(removed).collect();
        writes.values().for_each(|write| self.unconfirmed.note_attempt(write));
        // A panic can leave only the store itself inconsistent, and its documentation states that
        // it is called again.
        let saved = catch_unwind(AssertUnwindSafe(|| match queue.as_slice() {
            [] => self.store.save(&changes),
            queue => self.store.save_with_queue(&changes, queue),
        }));
        let error = match saved {
            Ok(Ok(())) => {
                self.metrics.saved(began.elapsed());
                for write in writes.values() {
                    self.kept.note(&write.change);
                    self.unconfirmed.note_saved(write);
                }
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

/// Adds a write to those that are not done yet.
fn add(unsaved: &mut BTreeMap<RoomId, PendingWrite>, write: &PendingWrite) {
    let (room, write) = (write.change.room(), write.clone());
    let write = match unsaved.remove(&room) {
        Some(older) => write.after(older),
        None => write,
    };
    unsaved.insert(room, write);
}

const MOST_AT_ONCE: usize = 1024;
const RETRY_AFTER: Duration = Duration::from_secs(1);
