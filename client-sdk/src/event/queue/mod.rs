//! The events that wait for the application, which may be slow or take none.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use signal_core::ParticipantId;
use tokio::sync::Notify;

use super::Event;
use super::subject::Subject;
use crate::channel::{ByteBudget, ByteShare};

/// The participant's end of the queue. Pushing never waits, and no participant can make the queue
/// drop events of another one:
///
/// - Data and messages are bounded in bytes, for each sender, including the server.
/// - Tracks and data channels are bounded in number, for each sender. The oldest is dropped.
/// - All other events report a state. When many wait, the newest about a subject replaces the
///   previous one, so that the number of participants bounds them.
pub(crate) struct EventQueue(Arc<Shared>);

/// The application's end of the queue.
pub(crate) struct Events(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<PendingEvents>,
    changed: Notify,
}

#[derive(Default)]
struct PendingEvents {
    /// The events, in the order in which they are taken.
    events: BTreeMap<u64, Entry>,
    pushed: u64,
    /// The last event about each subject.
    newest: HashMap<Subject, u64>,
    /// The number of events with a subject.
    subjects: usize,
    senders: HashMap<ParticipantId, Sender>,
    host_messages: ByteBudget,
    /// The number of events that were dropped and not reported yet.
    dropped: u64,
    is_complete: bool,
    is_abandoned: bool,
}

struct Entry {
    event: Event,
    /// `None` for data and messages, which never replace each other.
    subject: Option<Subject>,
    _share: Option<ByteShare>,
}

/// The waiting data and messages of one other participant.
#[derive(Default)]
struct Sender {
    data: ByteBudget,
    messages: ByteBudget,
    tracks: usize,
    channels: usize,
}

impl EventQueue {
    pub(crate) fn new() -> (Self, Events) {
        let shared = Arc::new(Shared::default());
        (Self(Arc::clone(&shared)), Events(shared))
    }

    pub(crate) fn push(&self, event: Event) {
        self.0.lock().push(event);
        self.0.changed.notify_one();
    }

    /// Queues data that holds a share of its sender's [budget](Self::data_budget).
    pub(crate) fn push_data(&self, participant: ParticipantId, data: Bytes, share: ByteShare) {
        self.0.lock().insert(Event::Data { participant, data }, None, Some(share));
        self.0.changed.notify_one();
    }

    /// The budget for the waiting data of one participant.
    pub(crate) fn data_budget(&self, of: ParticipantId) -> ByteBudget {
        self.0.lock().senders.entry(of).or_default().data.clone()
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.0.lock().is_complete = true;
        self.0.changed.notify_one();
    }
}

impl Events {
    /// The next event; `None` after the last. Safe to cancel.
    pub(crate) async fn recv(&self) -> Option<Event> {
        loop {
            if let Poll::Ready(event) = self.0.lock().pop() {
                // Another clone may wait for the remaining events.
                self.0.changed.notify_one();
                return event;
            }
            self.0.changed.notified().await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.is_abandoned = true;
        waiting.events.clear();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, PendingEvents> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_of(&self, participant: ParticipantId) -> bool {
        match (&self.subject, &self.event) {
            (Some(subject), _) => subject.participant() == Some(participant),
            (None, Event::Data { participant: of, .. } | Event::Message { from: of, .. }) => {
                *of == participant
            }
            (None, _) => false,
        }
    }
}

impl PendingEvents {
    fn push(&mut self, event: Event) {
        match &event {
            Event::HostMessage { data, .. } => {
                let share = self.host_messages.try_take(data);
                self.push_message(event, share);
            }
            Event::Message { from, data, .. } => {
                let share = self.senders.entry(*from).or_default().messages.try_take(data);
                self.push_message(event, share);
            }
            Event::ParticipantLeft(id) => self.push_departure(*id),
            Event::Track(track) => {
                let sender = self.senders.entry(track.participant()).or_default();
                sender.tracks += 1;
                let place = sender.tracks % MAX_TRACKS;
                self.push_about(Subject::Track(track.participant(), place), event);
            }
            Event::DataChannel(channel) => {
                let sender = self.senders.entry(channel.participant()).or_default();
                sender.channels += 1;
                let place = sender.channels % MAX_CHANNELS;
                self.push_about(Subject::DataChannel(channel.participant(), place), event);
            }
            _ => match Subject::of(&event) {
                Some(subject) => self.push_about(subject, event),
                None => self.insert(event, None, None),
            },
        }
    }

    /// Queues a message that holds a share of its sender's budget, if there was one left.
    fn push_message(&mut self, message: Event, share: Option<ByteShare>) {
        match share {
            Some(share) => self.insert(message, None, Some(share)),
            None => self.dropped += 1,
        }
    }

    /// Queues an event that may replace an earlier one about the same subject.
    fn push_about(&mut self, subject: Subject, event: Event) {
        let replaces = self.is_crowded() || subject.is_handle();
        let earlier = self.newest.get(&subject).copied().filter(|_| replaces);
        let event = match earlier.and_then(|number| self.remove(number)) {
            Some(earlier) => {
                self.dropped += u64::from(subject.is_handle());
                event.replacing(earlier.event)
            }
            None => event,
        };
        self.insert(event, Some(subject), None);
    }

    /// Queues that a participant has left. If it comes and goes while many events wait, the
    /// application does not learn of it at all.
    fn push_departure(&mut self, id: ParticipantId) {
        let joined = self.newest.get(&Subject::Joined(id)).copied();
        self.newest.retain(|subject, _| subject.participant() != Some(id));
        self.senders.remove(&id);
        if let Some(joined) = joined.filter(|_| self.is_crowded()) {
            let stay = self.events.range(joined..).filter(|(_, entry)| entry.is_of(id));
            let stay: Vec<u64> = stay.map(|(number, _)| *number).collect();
            for number in stay {
                let removed = self.remove(number);
                let is_state = removed.is_some_and(|entry| entry.subject.is_some());
                self.dropped += u64::from(!is_state);
            }
        } else {
            self.insert(Event::ParticipantLeft(id), Some(Subject::Left(id)), None);
        }
    }

    fn insert(&mut self, event: Event, subject: Option<Subject>, share: Option<ByteShare>) {
        if self.is_abandoned {
            return;
        }
        if let Some(subject) = &subject {
            self.newest.insert(subject.clone(), self.pushed);
            self.subjects += 1;
        }
        self.events.insert(self.pushed, Entry { event, subject, _share: share });
        self.pushed += 1;
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.events.remove(&number)?;
        if let Some(subject) = &entry.subject {
            self.subjects -= 1;
            if self.newest.get(subject) == Some(&number) {
                self.newest.remove(subject);
            }
        }
        Some(entry)
    }

    /// The next event; `None` after the last, `Pending` if it has yet to come.
    fn pop(&mut self) -> Poll<Option<Event>> {
        if self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            return Poll::Ready(Some(Event::Lagged { dropped }));
        }
        let first = self.events.keys().next().copied();
        match first.and_then(|number| self.remove(number)) {
            Some(entry) => Poll::Ready(Some(entry.event)),
            None if self.is_complete => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn is_crowded(&self) -> bool {
        self.subjects >= CROWD
    }
}

/// How many events about states wait before newer ones replace them.
const CROWD: usize = 1024;
/// How many tracks of one participant may wait: the eight that it may send, and as many that
/// replace them when the connection is rebuilt.
const MAX_TRACKS: usize = 16;
const MAX_CHANNELS: usize = 64;

#[cfg(test)]
mod tests;
