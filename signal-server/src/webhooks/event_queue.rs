//! Makes the queued form of events, within the space that the queue has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_core::room::Room;
use signal_core::room::event::{RoomEvent, RoomEventKind};
use tokio::sync::mpsc::UnboundedSender;

use super::body::body;
use super::event_id::{event_id, event_key};
use super::event_type::WebhookEvent;
use crate::clock::Clock;
use crate::metrics::{EventOutcome, Metrics};
use crate::store::QueuedEvent;
use crate::store::queue::{QueueChange, QueueEntry, QueueSpace};

/// The queue for webhooks, as shards see it. Clones share one queue.
#[derive(Clone, Debug)]
pub(crate) struct EventQueue {
    include: Arc<[WebhookEvent]>,
    clock: Clock,
    space: Arc<QueueSpace>,
    changes: UnboundedSender<QueueChange>,
    state: Arc<QueueState>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct QueueState {
    /// Whether the receiver wants no more events.
    is_gone: AtomicBool,
    /// Whether the last event found no space.
    is_full: AtomicBool,
}

impl EventQueue {
    pub(super) fn new(
        include: Arc<[WebhookEvent]>,
        clock: Clock,
        changes: UnboundedSender<QueueChange>,
        metrics: Metrics,
    ) -> Self {
        let space = QueueSpace::new(metrics.clone());
        Self { include, clock, space, changes, state: Arc::default(), metrics }
    }

    /// Makes the entries of events, to be saved with the record that they are part of.
    pub(crate) fn entries(&self, events: Vec<RoomEvent>) -> Vec<Arc<QueueEntry>> {
        let entry = |event: RoomEvent| {
            let awaits_creator = event.kind == RoomEventKind::Opened;
            self.entry(&event, awaits_creator)
        };
        events.into_iter().filter_map(entry).collect()
    }

    /// Adds events that hold, since rooms are not saved.
    pub(crate) fn add(&self, events: Vec<RoomEvent>) {
        for entry in events.into_iter().filter_map(|event| self.entry(&event, false)) {
            self.change(QueueChange::Added(entry));
        }
    }

    /// Notes that the creator learns of a room.
    pub(crate) fn keep(&self, room: &Room) {
        self.change(QueueChange::Kept(room.id(), room.epoch()));
    }

    /// Where changes to the queue go once they are saved.
    pub(crate) fn changes(&self) -> UnboundedSender<QueueChange> {
        self.changes.clone()
    }

    /// Makes the entry of an event that an earlier process has queued; `None` if it is damaged.
    pub(super) fn earlier(&self, event: QueuedEvent) -> Option<Arc<QueueEntry>> {
        let key = event_key(&event.id)?;
        let space = self.space.reserve_again(key.room, event.body.len());
        Some(Arc::new(QueueEntry { key, event, awaits_creator: false, space }))
    }

    /// Queues nothing from now on.
    pub(super) fn stop(&self) {
        self.state.is_gone.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state.is_gone.load(Ordering::Relaxed)
    }

    fn entry(&self, event: &RoomEvent, awaits_creator: bool) -> Option<Arc<QueueEntry>> {
        let kind = WebhookEvent::of(&event.kind).filter(|kind| self.include.contains(kind))?;
        if self.is_stopped() {
            self.metrics.webhook_event(EventOutcome::Dropped);
            return None;
        }
        let id = event_id(&event.key);
        let body = body(kind, &id, event, self.clock);
        let space = self.space.reserve(event.key.room, body.len());
        let was_full = self.state.is_full.swap(space.is_none(), Ordering::Relaxed);
        let Some(space) = space else {
            if !was_full {
                tracing::error!(
                    room = %event.key.room,
                    "the queue for webhooks is full, so new events are dropped; does the receiver \
                     (--webhook-url) answer?"
                );
            }
            self.metrics.webhook_event(EventOutcome::Dropped);
            return None;
        };
        let (key, event) = (event.key, QueuedEvent { id, body });
        Some(Arc::new(QueueEntry { key, event, awaits_creator, space }))
    }

    fn change(&self, change: QueueChange) {
        // The receiver ends with the server.
        let _ = self.changes.send(change);
    }
}
