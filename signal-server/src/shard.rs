//! Where a hub meets a store, a clock and sockets.

pub(crate) mod drain;
mod ice_requests;
pub(crate) mod outbox;
mod pending;

use std::collections::HashMap;
use std::future;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use signal_core::{
    Applied, CloseCode, ConnId, Disconnect, Hub, HubConfig, IceServers, Input, NodeId, Op, Output,
    Room, RoomId, RoomIdTaken, Timestamp,
};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::ice_requests::{Wish, Wishes};
use self::pending::Waiting;
use crate::clock::Clock;
use crate::ice::Ice;
use crate::limits::quota::Place;
use crate::limits::{Limit, Refusals};
use crate::metrics::Metrics;
use crate::shard::outbox::Outbox;
use crate::store::{Change, NotSaved, Store, Writer};

/// What all shards have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) ice: Ice,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
}

/// All rooms of this process, spread over shards so that cores do not wait for one another.
#[derive(Clone, Debug)]
pub(crate) struct Shards {
    shards: Arc<[Shard]>,
    hasher: RandomState,
    last_conn: Arc<AtomicU64>,
}

impl Shards {
    pub(crate) fn new(
        count: usize,
        config: &HubConfig,
        disk: Option<&Writer>,
        common: &Common,
    ) -> Self {
        let node = NodeId(rand::random());
        let shards = (0..count.max(1))
            .map(|_| {
                let hub = Hub::new(node, config.clone());
                Shard::new(hub, Store::new(disk.cloned()), common.clone())
            })
            .collect();
        Self { shards, hasher: RandomState::new(), last_conn: Arc::default() }
    }

    /// Takes in a room of an earlier process; its participants may resume for the time of `grace`. `place` is its
    /// creator's, if the room is open.
    pub(crate) fn restore(&self, room: Room, place: Option<Place<String>>, grace: Duration) {
        let shard = self.of(room.id());
        shard.lock().store.restore(room, place, grace, shard.clock.now());
        shard.deadline_moved.notify_one();
    }

    /// The shard that a room lives in.
    pub(crate) fn of(&self, room: RoomId) -> &Shard {
        let index = self.hasher.hash_one(room) as usize % self.shards.len();
        &self.shards[index]
    }

    /// The open rooms of a user.
    pub(crate) fn rooms_of(&self, creator: &str) -> Vec<Arc<Room>> {
        let of = |shard: &Shard| shard.lock().store.rooms_of(creator).cloned().collect::<Vec<_>>();
        self.shards.iter().flat_map(of).collect()
    }

    /// Every connection there is, with its shard.
    pub(crate) fn connections(&self) -> Vec<(&Shard, ConnId)> {
        let of = |shard: &Shard| shard.lock().outboxes.keys().copied().collect::<Vec<_>>();
        self.shards
            .iter()
            .flat_map(|shard| of(shard).into_iter().map(move |conn| (shard, conn)))
            .collect()
    }

    /// Every open room, in no order.
    pub(crate) fn open_rooms(&self) -> Vec<Arc<Room>> {
        let of = |shard: &Shard| shard.lock().store.open_rooms().cloned().collect::<Vec<_>>();
        self.shards.iter().flat_map(of).collect()
    }

    /// How many rooms are open, and how many participants are connected.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.shards.iter().fold((0, 0), |(rooms, participants), shard| {
            let state = shard.lock();
            (rooms + state.store.open_rooms().len(), participants + state.outboxes.len())
        })
    }

    /// An id for a new connection, unique in this process.
    pub(crate) fn next_conn(&self) -> ConnId {
        ConnId(self.last_conn.fetch_add(1, Ordering::Relaxed))
    }

    /// Wakes hubs and stores when something is due.
    pub(crate) fn start_timers(&self) -> Timers {
        let mut timers = JoinSet::new();
        for index in 0..self.shards.len() {
            let shards = Arc::clone(&self.shards);
            timers.spawn(async move { shards[index].run_timer().await });
        }
        Timers(timers)
    }
}

/// One timer for each shard; dropping it ends them.
pub(crate) struct Timers(
    #[expect(dead_code, reason = "does its work by being dropped")] JoinSet<()>,
);

/// A hub, its store and the outboxes of its connections, behind one lock that is never held across an await.
#[derive(Debug)]
pub(crate) struct Shard {
    state: Mutex<State>,
    clock: Clock,
    metrics: Metrics,
    /// Told when the next deadline may have moved to the front.
    deadline_moved: Notify,
    /// What others have settled, for the timer's task, which hands it on.
    settled: tokio::sync::Mutex<mpsc::UnboundedReceiver<Settled>>,
}

#[derive(Debug)]
struct State {
    hub: Hub,
    store: Store,
    outboxes: HashMap<ConnId, Arc<Outbox>>,
    common: Common,
    /// Whose message is being handled.
    sender: Option<ConnId>,
    /// The tasks of connections that have something to write; woken without the lock, which they may want next.
    to_wake: Vec<Waker>,
    ice_wishes: Wishes,
    settled: mpsc::UnboundedSender<Settled>,
}

/// What was waited for without the lock.
#[derive(Debug)]
enum Settled {
    IceServers(Wish, IceServers),
    Saved(Waiting, Result<(), NotSaved>),
}

/// Why a room could not be created.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum CreateError {
    #[error(transparent)]
    IdTaken(#[from] RoomIdTaken),
    #[error(transparent)]
    NotSaved(#[from] NotSaved),
    #[error("the server is stopping")]
    Stopping,
}

impl Shard {
    fn new(hub: Hub, store: Store, common: Common) -> Self {
        let (clock, metrics) = (common.clock, common.metrics.clone());
        let (settled_in, settled) = mpsc::unbounded_channel();
        let state = State {
            hub,
            store,
            outboxes: HashMap::new(),
            common,
            sender: None,
            to_wake: Vec::new(),
            ice_wishes: Wishes::default(),
            settled: settled_in,
        };
        Self {
            state: Mutex::new(state),
            clock,
            metrics,
            deadline_moved: Notify::new(),
            settled: tokio::sync::Mutex::new(settled),
        }
    }

    /// Lets a connection into its room; returns where outputs for it go.
    pub(crate) fn open(&self, conn: ConnId, open: Input) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(self.metrics.queued.clone()));
        let mut state = self.lock();
        state.outboxes.insert(conn, Arc::clone(&outbox));
        self.handle(state, open);
        outbox
    }

    /// Hands something in and passes on what follows from it.
    pub(crate) fn input(&self, input: Input) {
        self.handle(self.lock(), input);
    }

    /// Hands in a message of a participant.
    pub(crate) fn message(&self, conn: ConnId, frame: Bytes) {
        let began = Instant::now();
        let mut state = self.lock();
        state.sender = Some(conn);
        self.handle(state, Input::Frame { conn, frame });
        self.metrics.messages.inc();
        self.metrics.handled(began.elapsed());
    }

    /// Reports a connection as ended, for whatever reason.
    pub(crate) fn lost(&self, conn: ConnId, how: Disconnect) {
        let mut state = self.lock();
        state.outboxes.remove(&conn);
        state.ice_wishes.forget(conn);
        self.handle(state, Input::Lost { conn, how });
    }

    /// Takes in a new room; `place` is its creator's.
    pub(crate) async fn create(
        &self,
        room: Room,
        place: Place<String>,
    ) -> Result<Arc<Room>, CreateError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.lock();
            let room = state.store.create(room, place)?;
            let now = self.clock.now();
            state.keep(Change::Put(Arc::clone(&room)), Waiting::Create { room, answer }, now);
        }
        self.deadline_moved.notify_one();
        answered.await.unwrap_or(Err(CreateError::Stopping))
    }

    /// Changes a room on behalf of an HTTP request; `None` if the server stops meanwhile.
    ///
    /// The change is made whether or not somebody waits for its answer. `at_once` sees it before it is on disk.
    pub(crate) async fn apply(
        &self,
        room: RoomId,
        op: &Op,
        at_once: impl FnOnce(&Applied),
    ) -> Option<Applied> {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.lock();
            let before = state.deadline();
            let now = self.clock.now();
            let (applied, change) = state.store.apply(room, op, now);
            at_once(&applied);
            state.keep(change, Waiting::Request { applied, answer }, now);
            self.finish(state, before, now);
        }
        answered.await.ok()
    }

    /// The newest record of a room.
    pub(crate) fn room(&self, room: RoomId) -> Option<Arc<Room>> {
        self.lock().store.room(room).cloned()
    }

    async fn run_timer(&self) {
        let mut settled = self.settled.lock().await;
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
                    state.hub.handle_timeout(now);
                    state.store.handle_timeout(now);
                    state.drain(now);
                    self.wake(state);
                }
                Some(settled) = settled.recv() => {
                    let mut state = self.lock();
                    let (before, now) = (state.deadline(), self.clock.now());
                    match settled {
                        Settled::IceServers(wish, ice) => state.tell_ice_servers(&wish, &ice, now),
                        Settled::Saved(waiting, saved) => state.settle(waiting, saved, now),
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
        self.wake(state);
        if moved {
            self.deadline_moved.notify_one();
        }
    }

    /// Ends a turn with the lock.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let to_wake = mem::take(&mut state.to_wake);
        drop(state);
        to_wake.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug; the other rooms go on with the state it left.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drain(&mut self, now: Timestamp) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    let frame = text(frame);
                    self.to_wake.reserve(to.len());
                    for &conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.send(conn, frame.clone());
                    }
                }
                Output::Close { conn, code } => {
                    if let Some(limit) = limit_behind(code) {
                        self.common.refusals.count(limit);
                    }
                    if let Some(outbox) = self.outboxes.remove(&conn) {
                        self.to_wake.extend(outbox.close(code));
                    }
                }
                Output::Commit { op, room, change } => {
                    let (applied, change) = self.store.apply(room, &change, now);
                    self.keep(change, Waiting::Hub { op, applied }, now);
                }
                Output::Frame { to, frame } => self.send(to, text(frame)),
                Output::IceServersWanted { conn, room, participant, req } => {
                    let wish = Wish { conn, room, participant, reqs: vec![req] };
                    if let Some(wish) = self.ice_wishes.add(wish) {
                        self.ask_for_ice_servers(wish);
                    }
                }
                Output::OverRate { .. } => self.common.refusals.count(Limit::Rate),
                // Whoever changes a room in this store tells the hub of the same shard.
                Output::Unwatch(_) | Output::Watch(_) => {}
                // Of a seat whose socket the process before this one had, and that has not been resumed yet.
                Output::ToNode { frame, .. } => {
                    self.hub.handle_input(Input::Undelivered { frame }, now);
                }
                // Tokens are verified before a connection is opened.
                Output::Authorize { .. } => tracing::error!("the hub asked whom to let in"),
                _ => tracing::error!("the hub asked for something this server does not know"),
            }
        }
    }

    fn send(&mut self, to: ConnId, frame: Utf8Bytes) {
        let Some(outbox) = self.outboxes.get(&to) else { return };
        if self.sender.is_some_and(|sender| sender != to) {
            self.common.metrics.relays.inc();
        }
        self.to_wake.extend(outbox.push(frame));
    }

    fn deadline(&self) -> Option<Timestamp> {
        [self.hub.poll_timeout(), self.store.poll_timeout()].into_iter().flatten().min()
    }
}

/// As sockets take it, checked once however many get it.
fn text(frame: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(frame).expect("the hub writes JSON, pasted from frames that were text")
}

/// The limit that a connection has gone over when it is closed with this code.
fn limit_behind(code: CloseCode) -> Option<Limit> {
    match code {
        CloseCode::BadMessages => Some(Limit::BadMessages),
        CloseCode::RateLimited => Some(Limit::Rate),
        CloseCode::SlowConsumer => Some(Limit::Unsent),
        _ => None,
    }
}
