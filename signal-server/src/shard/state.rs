//! The state that a shard holds under its lock, and how it carries out the hub's outputs.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use signal_core::hub::{Hub, Input, Output};
use signal_core::ice::IceServers;
use signal_core::message::{HostMessageRefusal, MessageToHost};
use signal_core::room::event::RoomEvent;
use signal_core::room::{Durability, Op, Reject, Room};
use signal_core::store::Applied;
use signal_core::{CloseCode, ConnId, Timestamp};
use tokio::sync::oneshot;

use super::events::{EventSender, Events, Notice};
use super::ice_requests::{IceRequest, IceRequests};
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::pending::{Group, PendingReplies, PendingReply};
use super::room_ref::RoomRef;
use crate::clock::Clock;
use crate::ice::Ice;
use crate::limits::Limit;
use crate::limits::concurrency::Permit;
use crate::limits::counters::LimitCounters;
use crate::metrics::MessageMeter;
use crate::store::{NotCreated, NotSaved, RecordChange, SaveOutcome, Store};
use crate::webhooks::EventQueue;

/// The services that all shards share.
#[derive(Clone, Debug)]
pub(crate) struct ShardContext {
    pub(crate) ice: Ice,
    pub(crate) counters: Arc<LimitCounters>,
    pub(crate) clock: Clock,
    pub(crate) events: EventSender,
    pub(crate) inbox: Inbox,
    pub(crate) webhooks: Option<EventQueue>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) hub: Hub,
    pub(super) store: Store,
    pub(super) outboxes: FxHashMap<ConnId, Arc<Outbox>>,
    /// The connection whose message is being handled.
    pub(super) sender: Option<ConnId>,
    /// The tasks of connections that have something to write. They are woken after the lock is
    /// released, since they may need it next.
    pub(super) to_wake: Vec<Waker>,
    /// The limits that were reached. They are counted and logged after the lock is released.
    pub(super) over: Vec<Limit>,
    /// Outputs that this server cannot carry out. They are logged after the lock is released.
    pub(super) faults: Vec<&'static str>,
    pub(super) meter: MessageMeter,
    pub(super) events: Events,
    pub(super) ice_requests: IceRequests,
    /// The participants that do not get the host's message that is being handled.
    pub(super) refused: Option<Vec<HostMessageRefusal>>,
    /// The new rooms whose events may be sent to webhooks.
    pub(super) to_keep: Vec<Arc<Room>>,
    /// The messages to the host.
    to_host: Vec<MessageToHost>,
    /// The requests for ICE servers to be carried out next.
    to_ask: Vec<(IceRequest, Arc<Room>)>,
    pending: PendingReplies,
}

/// The effects of inputs. They are carried out after the lock is released, since they start tasks
/// or take locks that shards share. Each kind is in order.
#[derive(Debug)]
pub(super) struct Effects {
    /// Each with the events to queue for webhooks with it.
    pub(super) to_save: Vec<(RecordChange, Vec<RoomEvent>)>,
    /// The events to queue for webhooks at once.
    pub(super) to_queue: Vec<RoomEvent>,
    /// The new rooms whose events may be sent to webhooks.
    pub(super) to_keep: Vec<Arc<Room>>,
    pub(super) to_tell: Vec<Notice>,
    pub(super) to_host: Vec<MessageToHost>,
    pub(super) to_ask: Vec<(IceRequest, Arc<Room>)>,
    pub(super) to_give_back: Vec<Permit<String>>,
}

/// The result of work that was done without the lock.
#[derive(Debug)]
pub(super) enum Completion {
    IceServers(IceRequest, IceServers),
    Written(SaveOutcome),
}

impl State {
    pub(super) fn new(hub: Hub, store: Store, events: Events) -> Self {
        Self {
            hub,
            store,
            outboxes: FxHashMap::default(),
            sender: None,
            to_wake: Vec::new(),
            over: Vec::new(),
            faults: Vec::new(),
            meter: MessageMeter::default(),
            events,
            ice_requests: IceRequests::default(),
            refused: None,
            to_keep: Vec::new(),
            to_host: Vec::new(),
            to_ask: Vec::new(),
            pending: PendingReplies::default(),
        }
    }

    pub(super) fn has_effects(&self) -> bool {
        self.store.has_effects()
            || self.events.has_to_tell()
            || !self.to_keep.is_empty()
            || !self.to_host.is_empty()
            || !self.to_ask.is_empty()
    }

    /// Takes out what is to be carried out without the lock.
    pub(super) fn take_effects(&mut self) -> Effects {
        Effects {
            to_save: self.store.take_to_save(),
            to_queue: self.store.take_to_queue(),
            to_keep: mem::take(&mut self.to_keep),
            to_tell: self.events.take_to_tell(),
            to_host: mem::take(&mut self.to_host),
            to_ask: mem::take(&mut self.to_ask),
            to_give_back: self.store.take_to_give_back(),
        }
    }

    pub(super) fn drain(&mut self, now: Timestamp) {
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
                    self.over.extend(limit_behind(code));
                    if let Some(outbox) = self.outboxes.remove(&conn) {
                        self.to_wake.extend(outbox.close(code));
                    }
                }
                Output::Commit { op, room, change } => {
                    let applied = self.apply(room, &change, now);
                    if applied.reply == Err(Reject::AddressFull) {
                        self.over.push(Limit::SeatsPerAddress);
                    }
                    let reply = PendingReply::Hub { op, reply: applied.reply };
                    self.answer(&applied, reply, now);
                }
                Output::Frame { to, frame } => self.send(to, text(frame)),
                Output::IceServersWanted { conn, room, participant, req } => {
                    let request = IceRequest { conn, room, participant, reqs: vec![req] };
                    if let Some(request) = self.ice_requests.add(request) {
                        self.ask_for_ice_servers(request);
                    }
                }
                Output::OverRate { .. } => self.over.push(Limit::Rate),
                Output::HostMessageRefused(refusal) => {
                    if let Some(refused) = &mut self.refused {
                        refused.push(refusal);
                    }
                }
                Output::ToHost(message) => self.to_host.push(message),
                // This shard's store and hub hold the same rooms, and every change to the store is
                // handed to the hub.
                Output::Unwatch(_) | Output::Watch(_) => {}
                // The receiver's socket belonged to an earlier process, and its seat has not been
                // resumed yet.
                Output::ToNode { frame, .. } => {
                    self.hub.handle_input(Input::Undelivered { frame }, now);
                }
                // Tokens are verified before a connection is opened.
                Output::Authorize { .. } => {
                    self.faults.push("the hub asked to authorize a connection");
                }
            }
        }
    }

    fn send(&mut self, to: ConnId, frame: Utf8Bytes) {
        let Some(outbox) = self.outboxes.get(&to) else { return };
        if self.sender.is_some_and(|sender| sender != to) {
            self.meter.relayed();
        }
        self.to_wake.extend(outbox.push(frame));
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        [self.hub.poll_timeout(), self.store.poll_timeout()].into_iter().flatten().min()
    }

    /// Adds a new room to the store, and sends the answer when it is on disk.
    pub(super) fn create(
        &mut self,
        room: Room,
        permit: Option<Permit<String>>,
        answer: oneshot::Sender<Result<(), NotSaved>>,
        now: Timestamp,
    ) -> Result<Arc<Room>, NotCreated> {
        let room = self.store.create(room, permit)?;
        let reply = PendingReply::Create { answer };
        if self.store.is_saved() {
            self.store.save(RecordChange::PutNew(Arc::clone(&room)));
            self.pending.push(&room, reply);
        } else {
            self.settle(reply, Some(&room), Ok(()), now);
        }
        Ok(room)
    }

    /// Removes a new room whose creator will not hear of it. The events of one that is over already
    /// are kept.
    pub(super) fn withdraw(&mut self, room: &Arc<Room>, now: Timestamp) {
        let id = room.id();
        let newest = self.store.room(id).cloned();
        // A room that could not be saved is gone already, but the store may have it all the same.
        if newest.is_none() || self.store.withdraw(id, room.epoch()) {
            self.pending.remove(id);
            self.events.forget(id);
            self.store.save(RecordChange::Forget(id));
            return;
        }
        // The events of this room are queued once it is written. A later room with its id means
        // that it is.
        let keep = match newest.filter(|newest| newest.epoch() == room.epoch()) {
            Some(newest) => self.pending.push_behind(&newest, PendingReply::Keep),
            None => Some(PendingReply::Keep),
        };
        if let Some(keep) = keep {
            self.settle(keep, Some(room), Ok(()), now);
        }
    }

    /// Adds a room that an earlier process saved.
    pub(super) fn restore(
        &mut self,
        room: Room,
        permit: Option<Permit<String>>,
        grace: Duration,
        now: Timestamp,
    ) {
        let events = self.store.restore(room, permit, grace, now);
        // Until a record with these events is saved, each restart repeats them.
        self.events.tell(events);
    }

    /// Applies an operation to a room. [`answer`](Self::answer) has the change saved.
    pub(super) fn apply(&mut self, room: impl Into<RoomRef>, op: &Op, now: Timestamp) -> Applied {
        let room = room.into();
        // Another room that has the id now means that this one is over.
        if self.store.room(room.id).is_some_and(|record| !room.is(record)) {
            return Applied::settled(None, Err(Reject::RoomClosed));
        }
        let mut applied = self.store.apply(room.id, op, now);
        self.tell(mem::take(&mut applied.events));
        applied
    }

    fn tell(&mut self, events: Vec<RoomEvent>) {
        if self.store.is_saved() {
            self.events.tell_when_saved(events);
        } else {
            self.events.tell(events);
        }
    }

    /// Has a change written to disk if necessary, and sends the reply: at once, or when the change
    /// is on disk if the reply promises it.
    pub(super) fn answer(&mut self, applied: &Applied, reply: PendingReply, now: Timestamp) {
        let Some(record) = applied.record.as_ref().filter(|_| self.store.is_saved()) else {
            return self.settle(reply, applied.record.as_ref(), Ok(()), now);
        };
        match applied.durability {
            Durability::BeforeAnswer => {
                self.store.save(RecordChange::Put(Arc::clone(record)));
                return self.pending.push(record, reply);
            }
            Durability::Grouped => self.store.save(RecordChange::Put(Arc::clone(record))),
            Durability::Volatile => {}
        }
        if let Some(reply) = self.pending.push_behind(record, reply) {
            self.settle(reply, Some(record), Ok(()), now);
        }
    }

    /// Sends the replies that waited for a write.
    pub(super) fn written(&mut self, written: SaveOutcome, now: Timestamp) {
        let SaveOutcome { room, version, saved } = written;
        while let Some(Group { record, replies, .. }) = self.pending.pop(room, version) {
            for reply in replies {
                self.settle(reply, Some(&record), saved, now);
            }
        }
        self.events.saved(room, version);
        self.store.note_written(room, version);
    }

    /// Handles the deadlines of the hub and of the store.
    pub(super) fn handle_timeout(&mut self, now: Timestamp) {
        self.hub.handle_timeout(now);
        let events = self.store.handle_timeout(now);
        self.tell(events);
    }

    /// Sends a reply. If the disk fails, changes still take effect in memory, but no rooms are
    /// created.
    fn settle(
        &mut self,
        reply: PendingReply,
        record: Option<&Arc<Room>>,
        saved: Result<(), NotSaved>,
        now: Timestamp,
    ) {
        // The receiver of an answer may have been dropped.
        match reply {
            PendingReply::Create { answer } => {
                if let (Err(_), Some(room)) = (saved, record)
                    && self.store.withdraw(room.id(), room.epoch())
                {
                    self.events.forget(room.id());
                }
                let _ = answer.send(saved);
            }
            PendingReply::Hub { op, reply } => {
                let applied = Applied::settled(record.cloned(), reply);
                self.hub.handle_input(Input::Committed { op, applied }, now);
            }
            PendingReply::Keep => self.to_keep.extend(record.cloned()),
            PendingReply::Request { answer, .. } => {
                if let Some(record) = record {
                    self.hub.handle_input(Input::Record(Arc::clone(record)), now);
                }
                let _ = answer.send(());
            }
        }
    }

    fn ask_for_ice_servers(&mut self, request: IceRequest) {
        match self.store.room(request.room) {
            Some(room) => self.to_ask.push((request, Arc::clone(room))),
            None => self.ice_requests.forget(request.conn),
        }
    }

    pub(super) fn tell_ice_servers(
        &mut self,
        request: &IceRequest,
        ice: &IceServers,
        now: Timestamp,
    ) {
        for req in &request.reqs {
            let (conn, ice, req) = (request.conn, ice.clone(), req.clone());
            self.hub.handle_input(Input::IceServers { conn, ice, req }, now);
        }
        if let Some(request) = self.ice_requests.next(request) {
            self.ask_for_ice_servers(request);
        }
    }
}

/// Converts a frame to text. A broadcast is converted once for all receivers.
fn text(frame: Bytes) -> Utf8Bytes {
    Utf8Bytes::try_from(frame).expect("the hub's frames are JSON, which is UTF-8")
}

/// The limit that a connection has exceeded when it is closed with this code.
fn limit_behind(code: CloseCode) -> Option<Limit> {
    match code {
        CloseCode::BadMessages => Some(Limit::BadMessages),
        CloseCode::RateLimited => Some(Limit::Rate),
        CloseCode::SlowConsumer => Some(Limit::Unsent),
        _ => None,
    }
}
