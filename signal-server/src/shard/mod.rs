//! A shard: one hub and its store behind one lock, with a clock and a timer task.

pub(crate) mod drain;
pub(crate) mod events;
mod ice_requests;
pub(crate) mod inbox;
pub(crate) mod outbox;
mod pending;
pub(crate) mod room_ref;
mod shards;
mod state;
#[cfg(test)]
mod tests;
mod unconfirmed_room;

use std::future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::Bytes;
use signal_core::hub::{Disconnect, FrameDecoder, Hub, Input};
use signal_core::message::{HostMessage, HostMessageRefusal};
use signal_core::room::{Op, Room};
use signal_core::store::Applied;
use signal_core::{ConnId, ProtocolVersion, RoomId, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::sleep;

use self::events::{EventSender, Events};
use self::ice_requests::IceRequest;
use self::inbox::Inbox;
use self::outbox::Outbox;
use self::pending::PendingReply;
use self::room_ref::RoomRef;
pub(crate) use self::shards::{Shards, Timers};
pub(crate) use self::state::ShardContext;
use self::state::{Completion, Effects, State};
pub(crate) use self::unconfirmed_room::{CreateError, UnconfirmedRoom};
use crate::clock::Clock;
use crate::ice::Ice;
use crate::limits::concurrency::Permit;
use crate::limits::counters::LimitCounters;
use crate::store::{MostEnded, NotCreated, OnWritten, PendingWrite, Store, Writer};
use crate::webhooks::EventQueue;

/// A hub, its store and the outboxes of its connections, behind one lock that is never held across
/// an await.
#[derive(Debug)]
pub(crate) struct Shard {
    state: Mutex<State>,
    /// Held while the effects of the state are carried out, so that they stay in order.
    effects: Mutex<()>,
    ice: Ice,
    events: EventSender,
    inbox: Inbox,
    webhooks: Option<EventQueue>,
    disk: Option<Disk>,
    clock: Clock,
    counters: Arc<LimitCounters>,
    /// Notified when the next deadline may be earlier than before.
    deadline_moved: Notify,
    completed_in: mpsc::UnboundedSender<Completion>,
    /// Results of work done without the lock. The timer task receives them and applies them.
    completed: tokio::sync::Mutex<mpsc::UnboundedReceiver<Completion>>,
}

/// Where the rooms of a shard are saved.
#[derive(Debug)]
struct Disk {
    writer: Writer,
    /// Sends a [`Completion`] for each write.
    on_written: OnWritten,
}

impl Shard {
    fn new(hub: Hub, writer: Option<Writer>, most_ended: MostEnded, context: ShardContext) -> Self {
        let ShardContext { ice, counters, clock, events, inbox, webhooks } = context;
        let (completed_in, completed) = mpsc::unbounded_channel();
        let store = Store::new(writer.is_some(), webhooks.is_some(), most_ended);
        let state = State::new(hub, store, Events::new(events.clone()));
        let disk = writer.map(|writer| {
            let written = completed_in.clone();
            let on_written = OnWritten::new(move |write| {
                // The receiver is gone once the shard is dropped.
                let _ = written.send(Completion::Written(write));
            });
            Disk { writer, on_written }
        });
        Self {
            state: Mutex::new(state),
            effects: Mutex::default(),
            ice,
            events,
            inbox,
            webhooks,
            disk,
            clock,
            counters,
            deadline_moved: Notify::new(),
            completed_in,
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

    /// Sends a message of the host. Returns the participants that do not get it, or `None` without
    /// such a room.
    pub(crate) fn send(
        &self,
        room: RoomRef,
        message: HostMessage,
    ) -> Option<Vec<HostMessageRefusal>> {
        let mut state = self.lock();
        let record = state.store.room(room.id).filter(|record| room.is(record)).cloned()?;
        let (before, now) = (state.deadline(), self.clock.now());
        state.refused = Some(Vec::new());
        state.hub.handle_input(Input::HostMessage { record, message }, now);
        state.drain(now);
        let refused = state.refused.take();
        self.finish(state, before, now);
        refused
    }

    /// Tells the hub that a connection has ended.
    pub(crate) fn lost(&self, conn: ConnId, how: Disconnect) {
        let mut state = self.lock();
        state.outboxes.remove(&conn);
        state.ice_requests.forget(conn);
        self.handle(state, Input::Lost { conn, how });
    }

    /// Adds a new room. `permit` counts it among the open rooms of its creator, if it has one.
    pub(crate) fn create(
        &self,
        room: Room,
        permit: Option<Permit<String>>,
    ) -> Result<UnconfirmedRoom<'_>, NotCreated> {
        let (answer, answered) = oneshot::channel();
        let mut state = self.lock();
        let created = state.create(room, permit, answer, self.clock.now());
        self.release(state);
        self.deadline_moved.notify_one();
        Ok(UnconfirmedRoom::new(self, created?, answered))
    }

    /// Tells the host application of a new room.
    fn tell_opened(&self, room: &Arc<Room>) {
        let opened = room.events_since(None, room.created_at());
        let mut state = self.lock();
        state.store.note_opened(&opened);
        state.events.tell(opened);
        state.to_keep.push(Arc::clone(room));
        self.release(state);
    }

    /// Removes a new room whose creator will not hear of it, unless somebody has ended it.
    fn withdraw(&self, room: &Arc<Room>) {
        let mut state = self.lock();
        state.withdraw(room, self.clock.now());
        self.release(state);
    }

    /// Adds a room that an earlier process saved.
    fn restore(&self, room: Room, permit: Option<Permit<String>>, grace: Duration) {
        let mut state = self.lock();
        state.restore(room, permit, grace, self.clock.now());
        self.release(state);
        self.deadline_moved.notify_one();
    }

    /// Applies an operation to a room on behalf of an HTTP request. Returns `None` if the server
    /// stops meanwhile.
    ///
    /// The operation is applied even if the caller drops the future. `at_once` sees the result
    /// before it is on disk, and may block: it is called without the lock.
    pub(crate) async fn apply(
        &self,
        room: RoomRef,
        op: &Op,
        at_once: impl FnOnce(&Applied),
    ) -> Option<Applied> {
        let (answer, answered) = oneshot::channel();
        // Held here and not with the pending replies, so that it is dropped with the request.
        let applied = {
            let mut state = self.lock();
            let before = state.deadline();
            let now = self.clock.now();
            let applied = state.apply(room, op, now);
            // A join takes no seat yet, so participants do not see it.
            let is_seen = !matches!(op, Op::Admit { .. });
            state.answer(&applied, PendingReply::Request { answer, is_seen }, now);
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

    /// Releases the lock, wakes the tasks that have something to write, reports faults, and carries
    /// out effects.
    ///
    /// Nothing is logged and no shared lock is taken under the lock: a log that stalls would stop
    /// every room of the shard, and one shard would stop the others.
    fn release(&self, mut state: MutexGuard<'_, State>) {
        let to_wake = mem::take(&mut state.to_wake);
        let over = mem::take(&mut state.over);
        let faults = mem::take(&mut state.faults);
        let has_effects = state.has_effects();
        drop(state);
        to_wake.into_iter().for_each(Waker::wake);
        over.into_iter().for_each(|limit| self.counters.count(limit));
        for fault in faults {
            tracing::error!(
                fault,
                "the server cannot carry out an output of the core, which is a bug"
            );
        }
        if has_effects {
            self.carry_out();
        }
    }

    fn carry_out(&self) {
        // Another thread waits here and takes the effects that follow, so that no older record is
        // saved and no older event sent after a newer one.
        let in_order = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        let Effects { to_save, to_queue, to_keep, to_tell, to_host, to_ask, to_give_back } =
            self.lock().take_effects();
        let webhooks = self.webhooks.as_ref();
        let queued = |events| webhooks.map_or_else(Vec::new, |queue| queue.entries(events));
        if let Some(Disk { writer, on_written }) = &self.disk {
            for (change, events) in to_save {
                writer.save(PendingWrite::new(change, queued(events)), on_written);
            }
        }
        if let Some(webhooks) = webhooks {
            webhooks.add(to_queue);
            to_keep.iter().for_each(|room| webhooks.keep(room));
        }
        to_tell.into_iter().for_each(|told| self.events.tell(told));
        to_ask.into_iter().for_each(|(request, room)| self.ask_for_ice_servers(request, room));
        drop(to_give_back);
        let refused: Vec<_> =
            to_host.into_iter().filter_map(|message| self.inbox.put(message)).collect();
        drop(in_order);
        for (message, code) in refused {
            self.input(Input::ToHostRefused { message, code });
        }
    }

    /// Asks the ICE server source in a task of its own, since the embedder's code may take long.
    fn ask_for_ice_servers(&self, request: IceRequest, room: Arc<Room>) {
        let (ice, completed) = (self.ice.clone(), self.completed_in.clone());
        tokio::spawn(async move {
            let servers = ice.announced(&room, request.participant).await;
            // The receiver is gone once the shard is dropped.
            let _ = completed.send(Completion::IceServers(request, servers));
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug. The other rooms go on with the state that it left.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
