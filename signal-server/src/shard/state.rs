//! The state that a shard holds under its lock, and how it carries out the hub's outputs.

use std::sync::Arc;
use std::task::Waker;

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use signal_core::{CloseCode, ConnId, Hub, IceServers, Input, Output, Timestamp};
use tokio::sync::mpsc;

use super::ice_requests::{IceRequest, IceRequests};
use super::outbox::Outbox;
use super::pending::{CreateError, PendingReply};
use crate::clock::Clock;
use crate::ice::Ice;
use crate::limits::Limit;
use crate::limits::counters::LimitCounters;
use crate::metrics::Metrics;
use crate::store::{NotSaved, PendingWrite, Save, Store};

/// The services that all shards share.
#[derive(Clone, Debug)]
pub(crate) struct ShardContext {
    pub(crate) ice: Ice,
    pub(crate) counters: Arc<LimitCounters>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) hub: Hub,
    pub(super) store: Store,
    pub(super) outboxes: FxHashMap<ConnId, Arc<Outbox>>,
    context: ShardContext,
    /// The connection whose message is being handled.
    pub(super) sender: Option<ConnId>,
    /// The tasks of connections that have something to write. They are woken after the lock is
    /// released, since they may need it next.
    pub(super) to_wake: Vec<Waker>,
    pub(super) ice_requests: IceRequests,
    completed: mpsc::UnboundedSender<Completion>,
}

/// The result of work that was done without the lock.
#[derive(Debug)]
pub(super) enum Completion {
    IceServers(IceRequest, IceServers),
    Saved(PendingReply, Result<(), NotSaved>),
}

impl State {
    pub(super) fn new(
        hub: Hub,
        store: Store,
        context: ShardContext,
        completed: mpsc::UnboundedSender<Completion>,
    ) -> Self {
        Self {
            hub,
            store,
            outboxes: FxHashMap::default(),
            context,
            sender: None,
            to_wake: Vec::new(),
            ice_requests: IceRequests::default(),
            completed,
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
                    if let Some(limit) = limit_behind(code) {
                        self.context.counters.count(limit);
                    }
                    if let Some(outbox) = self.outboxes.remove(&conn) {
                        self.to_wake.extend(outbox.close(code));
                    }
                }
                Output::Commit { op, room, change } => {
                    let (applied, change) = self.store.apply(room, &change, now);
                    self.keep(change, PendingReply::Hub { op, applied }, now);
                }
                Output::Frame { to, frame } => self.send(to, text(frame)),
                Output::IceServersWanted { conn, room, participant, req } => {
                    let request = IceRequest { conn, room, participant, reqs: vec![req] };
                    if let Some(request) = self.ice_requests.add(request) {
                        self.ask_for_ice_servers(request);
                    }
                }
                Output::OverRate { .. } => self.context.counters.count(Limit::Rate),
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
                    tracing::error!("the hub asked to authorize a connection");
                }
                _ => tracing::error!("the hub has an output that this server does not know"),
            }
        }
    }

    fn send(&mut self, to: ConnId, frame: Utf8Bytes) {
        let Some(outbox) = self.outboxes.get(&to) else { return };
        if self.sender.is_some_and(|sender| sender != to) {
            self.context.metrics.relays.inc();
        }
        self.to_wake.extend(outbox.push(frame));
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        [self.hub.poll_timeout(), self.store.poll_timeout()].into_iter().flatten().min()
    }

    /// Has a change written to disk. [`settle`](Self::settle) sends the reply afterwards, or at
    /// once if there is no disk.
    pub(super) fn keep(&mut self, change: PendingWrite, reply: PendingReply, now: Timestamp) {
        let Some(disk) = self.store.disk() else { return self.settle(reply, Ok(()), now) };
        let is_new = matches!(reply, PendingReply::Create { .. });
        let completed = self.completed.clone();
        let then = Box::new(move |saved| {
            // The receiver is gone once the shard is dropped.
            let _ = completed.send(Completion::Saved(reply, saved));
        });
        disk.save(Save { change, is_new, then });
    }

    /// Sends a reply. If the disk fails, changes still take effect in memory, but no rooms are
    /// created.
    pub(super) fn settle(
        &mut self,
        reply: PendingReply,
        saved: Result<(), NotSaved>,
        now: Timestamp,
    ) {
        // The receiver of an answer may have been dropped.
        match reply {
            PendingReply::Create { room, answer } => {
                if saved.is_err() {
                    self.store.withdraw(room.id());
                }
                let _ = answer.send(saved.map(|()| room).map_err(CreateError::from));
            }
            PendingReply::Hub { op, applied } => {
                self.hub.handle_input(Input::Committed { op, applied }, now);
            }
            PendingReply::Request { applied, answer } => {
                if let Some(record) = &applied.record {
                    self.hub.handle_input(Input::Record(Arc::clone(record)), now);
                }
                let _ = answer.send(applied);
            }
        }
    }

    /// Asks the ICE server source in a task of its own, since the embedder's code may take long.
    pub(super) fn ask_for_ice_servers(&mut self, request: IceRequest) {
        let Some(room) = self.store.room(request.room).cloned() else {
            return self.ice_requests.forget(request.conn);
        };
        let (ice, completed) = (self.context.ice.clone(), self.completed.clone());
        tokio::spawn(async move {
            let servers = ice.announced(&room, request.participant).await;
            // The receiver is gone once the shard is dropped.
            let _ = completed.send(Completion::IceServers(request, servers));
        });
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

/// The limit that a connection has gone over when it is closed with this code.
fn limit_behind(code: CloseCode) -> Option<Limit> {
    match code {
        CloseCode::BadMessages => Some(Limit::BadMessages),
        CloseCode::RateLimited => Some(Limit::Rate),
        CloseCode::SlowConsumer => Some(Limit::Unsent),
        _ => None,
    }
}
