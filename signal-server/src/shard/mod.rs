//! A shard: one hub and its store behind one lock, with a clock and a timer task.

pub(crate) mod drain;
pub(crate) mod events;
mod ice_requests;
pub(crate) mod outbox;
mod pending;
mod shards;
mod state;
mod untold_room;

use std::future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use signal_core::{
    Applied, ConnId, Disconnect, FrameDecoder, Hub, Input, Op, ProtocolVersion, Room, RoomId,
    RoomIdTaken, Timestamp,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::sleep;

use self::events::Events;
use self::outbox::Outbox;
use self::pending::PendingReply;
pub(crate) use self::shards::{Shards, Timers};
pub(crate) use self::state::ShardContext;
use self::state::{Completion, State};
pub(crate) use self::untold_room::{CreateError, UntoldRoom};
use crate::clock::Clock;
use crate::limits::concurrency::Permit;
use crate::limits::counters::LimitCounters;
use crate::store::Store;

/// A hub, its store and the outboxes of its connections, behind one lock that is never held across
/// an await.
#[derive(Debug)]
pub(crate) struct Shard {
    state: Mutex<State>,
    clock: Clock,
    counters: Arc<LimitCounters>,
    /// Notified when the next deadline may be earlier than before.
    deadline_moved: Notify,
    /// Results of work done without the lock. The timer task receives them and applies them.
    completed: tokio::sync::Mutex<mpsc::UnboundedReceiver<Completion>>,
}

impl Shard {
    fn new(hub: Hub, store: Store, context: ShardContext) -> Self {
        let (clock, counters) = (context.clock, Arc::clone(&context.counters));
        let (completed_in, completed) = mpsc::unbounded_channel();
        let events = Events::new(context.events);
        let state = State::new(hub, store, context.ice, events, completed_in);
        Self {
            state: Mutex::new(state),
            clock,
            counters,
            deadline_moved: Notify::new(),
            completed: tokio::sync::Mutex::new(completed),
        }
    }

    /// Registers a connection and opens it at the hub. Returns the outbox for the hub's outputs to
    /// it.
    pub(crate) fn open(&self, conn: ConnId, open: Input) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::default());
        let mut state = self.lock();
        state.outboxes.insert(conn, Arc::clone(&outbox));
        self.handle(state, open);
        outbox
    }

    /// Makes the decoder for the frames of a connection to a room of this shard.
    pub(crate) fn decoder(&self, protocol: ProtocolVersion) -> FrameDecoder {
        self.lock().hub.decoder(protocol)
    }

    /// Hands an input to the hub and delivers the outputs.
    pub(crate) fn input(&self, input: Input) {
        self.handle(self.lock(), input);
    }

    /// Hands a participant's message to the hub.
    pub(crate) fn message(&self, conn: ConnId, decoder: FrameDecoder, frame: &Bytes) {
        let began = Instant::now();
        // Decoding needs no lock, so other connections do not wait for it.
        let frame = decoder.decode(frame);
        let mut state = self.lock();
        state.sender = Some(conn);
        let before = state.deadline();
        let now = self.clock.now();
        state.hub.handle_input(Input::Frame { conn, frame }, now);
        state.drain(now);
        state.meter.handled(began.elapsed());
        self.finish(state, before, now);
    }

    /// Tells the hub that a connection has ended.
    pub(crate) fn lost(&self, conn: ConnId, how: Disconnect) {
        let mut state = self.lock();
        state.outboxes.remove(&conn);
        state.ice_requests.forget(conn);
        self.handle(state, Input::Lost { conn, how });
    }

    /// Adds a new room. `permit` counts it among the open rooms of its creator.
    pub(crate) fn create(
        &self,
        room: Room,
        permit: Permit<String>,
    ) -> Result<UntoldRoom<'_>, RoomIdTaken> {
        let (answer, answered) = oneshot::channel();
        let room = self.lock().create(room, permit, answer, self.clock.now())?;
        self.deadline_moved.notify_one();
        Ok(UntoldRoom::new(self, room, answered))
    }

    /// Tells the application of a new room.
    fn tell_opened(&self, room: &Room) {
        self.lock().events.tell(room.events_since(None, room.created_at()));
    }

    /// Removes a new room whose creator will not hear of it.
    fn withdraw(&self, room: RoomId) {
        self.lock().withdraw(room);
    }

    /// Applies an operation to a room on behalf of an HTTP request. Returns `None` if the server
    /// stops meanwhile.
    ///
    /// The operation is applied even if the caller drops the future. `at_once` sees the result
    /// before it is on disk, and may block: it is called without the lock.
    pub(crate) async fn apply(
        &self,
        room: RoomId,
        op: &Op,
        at_once: impl FnOnce(&Applied),
    ) -> Option<Applied> {
        let (answer, answered) = oneshot::channel();
        // Held here and not with the replies that wait, so that it goes with the request.
        let applied = {
            let mut state = self.lock();
            let before = state.deadline();
            let now = self.clock.now();
            let applied = state.apply(room, op, now);
            state.answer(&applied, PendingReply::Request { answer }, now);
            self.finish(state, before, now);
            applied
        };
        at_once(&applied);
        answered.await.ok()?;
        Some(applied)
    }

    /// The newest record of a room.
    pub(crate) fn room(&self, room: RoomId) -> Option<Arc<Room>> {
        self.lock().store.room(room).cloned()
    }

    async fn run_timer(&self) {
        let mut completed = self.completed.lock().await;
        loop {
            let deadline = self.lock().deadline();
            let due = async {
                match deadline {
                    Some(at) => sleep(at.saturating_since(self.clock.now())).await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                () = due => {
                    let (mut state, now) = (self.lock(), self.clock.now());
                    state.handle_timeout(now);
                    state.drain(now);
                    self.release(state);
                }
                Some(completed) = completed.recv() => {
                    let mut state = self.lock();
                    let (before, now) = (state.deadline(), self.clock.now());
                    match completed {
                        Completion::IceServers(request, ice) => {
                            state.tell_ice_servers(&request, &ice, now);
                        }
                        Completion::Written(written) => state.written(written, now),
                    }
                    self.finish(state, before, now);
                }
                () = self.deadline_moved.notified() => {}
            }
        }
    }

    fn handle(&self, mut state: MutexGuard<'_, State>, input: Input) {
        let before = state.deadline();
        let now = self.clock.now();
        state.hub.handle_input(input, now);
        self.finish(state, before, now);
    }

    fn finish(&self, mut state: MutexGuard<'_, State>, before: Option<Timestamp>, now: Timestamp) {
        state.drain(now);
        state.sender = None;
        let moved = state.deadline() != before;
        self.release(state);
        if moved {
            self.deadline_moved.notify_one();
        }
    }

    /// Releases the lock, wakes the tasks that have something to write, and reports what happened.
    ///
    /// Nothing is logged under the lock: a log that stalls would stop every room of the shard.
    fn release(&self, mut state: MutexGuard<'_, State>) {
        let to_wake = mem::take(&mut state.to_wake);
        let over = mem::take(&mut state.over);
        let faults = mem::take(&mut state.faults);
        drop(state);
        to_wake.into_iter().for_each(Waker::wake);
        over.into_iter().for_each(|limit| self.counters.count(limit));
        for fault in faults {
            tracing::error!(fault, "the core and the server do not fit together");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug. The other rooms go on with the state that it left.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
