//! Makes the queued form of events, within the space that the queue has.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signal_core::RoomId;
use signal_core::room::Room;
use signal_core::room::event::{RoomEvent, RoomEventKind};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::body::{self, body};
use super::event_id::{event_id, event_key};
use super::event_type::WebhookEvent;
use super::outage::Outage;
use crate::clock::Clock;
use crate::metrics::{EventOutcome, Metrics};
use crate::store::QueuedEvent;
use crate::store::queue::{Full, QueueChange, QueueEntry, QueueSpace};

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
    dropped: Mutex<Dropped>,
}

/// The bounds for which events are dropped.
#[derive(Debug, Default)]
struct Dropped {
    of_all: Outage,
    of_room: Outage,
}

/// Why an event that an earlier process has queued is not sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotRestored {
    Damaged,
    /// Its type is not to be sent any more.
    Excluded,
    /// It waits for longer than a week.
    Old,
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

    /// Makes the entry of an event that an earlier process has queued, unless it is not sent.
    pub(super) fn earlier(&self, event: QueuedEvent) -> Result<Arc<QueueEntry>, NotRestored> {
        let (key, head) = (event_key(&event.id), body::read(&event.body));
        let (Some(key), Some((kind, at))) = (key, head) else { return Err(NotRestored::Damaged) };
        if !self.include.contains(&kind) {
            return Err(NotRestored::Excluded);
        }
        // An event in the future is not old.
        if at.elapsed().is_ok_and(|age| age > MOST_AGE) {
            return Err(NotRestored::Old);
        }
        let space = self.space.reserve_again(key.room, event.body.len());
        Ok(Arc::new(QueueEntry { key, event, awaits_creator: false, space }))
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
        match self.space.reserve(event.key.room, body.len(), kind.share()) {
            Ok(space) => {
                let (key, event) = (event.key, QueuedEvent { id, body });
                Some(Arc::new(QueueEntry { key, event, awaits_creator, space }))
            }
            Err(full) => {
                self.note_dropped(event.key.room, full);
                None
            }
        }
    }

    /// Counts an event that is dropped, and logs that this happens.
    fn note_dropped(&self, room: RoomId, full: Full) {
        self.metrics.webhook_event(EventOutcome::Dropped);
        let now = Instant::now();
        // Nothing panics under the lock.
        let mut dropped = self.state.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        match full {
            Full::OfRoom if dropped.of_room.is_to_be_logged(now) => tracing::error!(
                %room,
                "too many events of this room wait for webhooks, so new ones are dropped; does the \
                 receiver (--webhook-url) take them fast enough?"
            ),
            Full::OfAll if dropped.of_all.is_to_be_logged(now) => tracing::error!(
                %room,
                "too many events of all rooms wait for webhooks, so new ones are dropped; does the \
                 receiver (--webhook-url) answer?"
            ),
            Full::OfRoom | Full::OfAll => {}
        }
    }

    fn change(&self, change: QueueChange) {
        // The receiver ends with the server.
        let _ = self.changes.send(change);
    }
}

/// Each start of the server gives the events that wait an hour, also after days without a server.
/// If webhooks were off for longer than this, what waits is out of date.
const MOST_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use signal_core::Timestamp;
    use signal_core::room::{
        Capacity, Change, CloseReason, IdSuffix, OnCreatorLeave, Op, RoomSpec, TokenHash,
    };
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::to_timestamp;

    const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);

    fn queue() -> EventQueue {
        let changes = mpsc::unbounded_channel().0;
        EventQueue::new(WebhookEvent::ALL.into(), Clock::start(), changes, Metrics::new())
    }

    fn room(now: Timestamp) -> Room {
        Room::create(RoomSpec {
            id: RoomId::from_indices([1; 6]),
            epoch: 1,
            name: "room".into(),
            creator: None,
            password: None,
            invite: TokenHash::new([9; 32]),
            capacity: Capacity::default(),
            created_at: now,
            expires_at: now + Duration::from_secs(3600),
            on_creator_leave: OnCreatorLeave::Keep,
            suffix: IdSuffix::new(1),
        })
    }

    #[test]
    fn changes_at_will_leave_space_for_the_events_that_bill_a_room() {
        let queue = queue();
        let mut room = room(NOW);
        let mut entries = queue.entries(room.events_since(None, NOW));
        assert_eq!(entries.len(), 1);
        let mut apply = |op: &Op| {
            let before = room.clone();
            room.apply(op, NOW).unwrap();
            queue.entries(room.events_since(Some(&before), NOW))
        };
        for number in 0.. {
            let name = Some(number.to_string().into());
            let change = apply(&Op::Change(Change { name, ..Change::default() }));
            if change.is_empty() {
                break;
            }
            assert!(number < 10_000, "the queue does not get full");
            entries.extend(change);
        }
        assert_eq!(apply(&Op::Close(CloseReason::ByAdmin)).len(), 1);
    }

    #[test]
    fn what_has_waited_for_days_without_a_server_is_sent_but_nothing_older_than_a_week() {
        let queue = queue();
        let days = |count: u64| Duration::from_secs(count * 24 * 60 * 60);
        let restored = |age: Duration| {
            let then = to_timestamp(SystemTime::now() - age);
            let entry = queue.entries(room(then).events_since(None, then)).remove(0);
            queue.earlier(entry.event.clone())
        };
        assert!(restored(days(6)).is_ok());
        assert!(matches!(restored(days(8)), Err(NotRestored::Old)));
    }
}
