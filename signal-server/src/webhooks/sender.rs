//! Sends queued events, several rooms at once.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use signal_core::room::event::EventKey;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::endpoint::{Attempt, Endpoint};
use super::event_queue::{EventQueue, NotRestored};
use super::lines::Lines;
use super::outage::Outage;
use super::settings::Webhooks;
use crate::clock::Clock;
use crate::metrics::{AttemptResult, EventOutcome, Metrics};
use crate::store::queue::{QueueChange, QueueEntry};
use crate::store::{QueuedEvent, Writer};
use crate::supervision::Supervisor;

/// Sends the events of the queue, once it is started.
#[derive(Debug)]
pub(crate) struct Sender {
    endpoint: Endpoint,
    queue: EventQueue,
    changes: UnboundedReceiver<QueueChange>,
    lines: Lines,
    /// The ids of the stored events that are not sent, to be removed at the start.
    obsolete: Vec<String>,
    /// Where events are stored, if rooms are saved.
    writer: Option<Writer>,
    failed: Outage,
    given_up: Outage,
    metrics: Metrics,
}

/// The task of a sender. Dropping this ends it.
pub(crate) struct SenderTask(
    #[expect(dead_code, reason = "held for its effect when dropped")] JoinSet<()>,
);

impl Sender {
    pub(crate) fn new(webhooks: Webhooks, clock: Clock, metrics: Metrics) -> Self {
        let Webhooks { endpoint, include } = webhooks;
        let (changes_in, changes) = mpsc::unbounded_channel();
        let queue = EventQueue::new(include, clock, changes_in, metrics.clone());
        Self {
            endpoint,
            queue,
            changes,
            lines: Lines::default(),
            obsolete: Vec::new(),
            writer: None,
            failed: Outage::default(),
            given_up: Outage::default(),
            metrics,
        }
    }

    pub(crate) fn queue(&self) -> &EventQueue {
        &self.queue
    }

    /// Adds the events that an earlier process has queued.
    pub(crate) fn restore(&mut self, events: Vec<QueuedEvent>) {
        let (mut count, mut old, now) = (0_u64, 0_u64, Instant::now());
        for event in events {
            let id = event.id.clone();
            let outcome = match self.queue.earlier(event) {
                Ok(entry) => {
                    self.lines.add(entry, now);
                    count += 1;
                    continue;
                }
                Err(NotRestored::Damaged) => {
                    tracing::error!(id, "a queued event is damaged and is not sent");
                    continue;
                }
                Err(NotRestored::Excluded) => EventOutcome::Dropped,
                Err(NotRestored::Old) => {
                    old += 1;
                    EventOutcome::GivenUp
                }
            };
            self.metrics.webhook_event(outcome);
            self.obsolete.push(id);
        }
        if count > 0 {
            tracing::info!(events = count, "queued events for webhooks loaded");
        }
        if old > 0 {
            tracing::error!(
                events = old,
                "events for webhooks are older than a week and are given up"
            );
        }
    }

    /// Starts to send. `writer` removes what is delivered from the store.
    pub(crate) fn start(mut self, writer: Option<Writer>, supervisor: &Supervisor) -> SenderTask {
        if let Some(writer) = &writer {
            self.obsolete.drain(..).for_each(|id| writer.unqueue(id));
        }
        self.writer = writer;
        let (sender, supervisor) = (Arc::new(Mutex::new(self)), supervisor.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let run = || {
                let sender = Arc::clone(&sender);
                async move { sender.lock().await.run().await }
            };
            supervisor.run("the sender of webhooks", run).await;
        });
        SenderTask(task)
    }

    async fn run(&mut self) {
        // The attempts of an earlier run ended with its panic.
        self.lines.restart();
        let mut attempts = FuturesUnordered::new();
        loop {
            while attempts.len() < MOST_ATTEMPTS_AT_ONCE
                && let Some(entry) = self.lines.next(Instant::now())
            {
                let endpoint = self.endpoint.clone();
                attempts.push(async move { (entry.key, endpoint.send(&entry.event).await) });
            }
            let is_busy = attempts.len() == MOST_ATTEMPTS_AT_ONCE;
            let due = self.lines.poll_timeout().filter(|_| !is_busy);
            tokio::select! {
                Some(change) = self.changes.recv() => self.change(change),
                Some((key, attempt)) = attempts.next() => self.conclude(key, attempt),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    fn change(&mut self, change: QueueChange) {
        match change {
            QueueChange::Added(entry) if self.queue.is_stopped() => {
                self.remove(&entry, EventOutcome::Dropped);
            }
            QueueChange::Added(entry) => self.lines.add(entry, Instant::now()),
            QueueChange::Kept(room, epoch) => self.lines.keep(room, epoch),
            QueueChange::Forgotten(room) => self.lines.withdraw(room),
        }
    }

    fn conclude(&mut self, key: EventKey, attempt: Attempt) {
        let result = match &attempt {
            Attempt::Delivered => AttemptResult::Delivered,
            Attempt::Gone | Attempt::Refused { .. } => AttemptResult::Refused,
            Attempt::Unreachable(_) => AttemptResult::Unreachable,
        };
        self.metrics.webhook_attempt(result);
        let (problem, retry_after) = match attempt {
            Attempt::Delivered => {
                if let Some(entry) = self.lines.delivered(key) {
                    self.remove(&entry, EventOutcome::Delivered);
                }
                return;
            }
            Attempt::Gone => return self.stop(),
            Attempt::Refused { status, retry_after } => {
                (format!("it answers {status}"), retry_after)
            }
            Attempt::Unreachable(error) => (error, None),
        };
        let (room, now) = (key.room, Instant::now());
        let given_up = self.lines.failed(key, retry_after, rand::random(), now);
        if self.failed.is_to_be_logged(now) {
            tracing::warn!(%room, problem, "the webhook receiver (--webhook-url) takes no event");
        }
        let Some(entry) = given_up else { return };
        if self.given_up.is_to_be_logged(now) {
            let id = &entry.event.id;
            tracing::error!(%room, id, "an event for webhooks is given up after an hour");
        }
        self.remove(&entry, EventOutcome::GivenUp);
    }

    /// Ends all sending, since the receiver wants no more events.
    fn stop(&mut self) {
        if self.queue.is_stopped() {
            return;
        }
        tracing::error!(
            "the webhook receiver (--webhook-url) answers 410 Gone: nothing is sent to it any more \
             until the next start"
        );
        self.queue.stop();
        for entry in self.lines.clear().collect::<Vec<_>>() {
            self.remove(&entry, EventOutcome::Dropped);
        }
    }

    fn remove(&self, entry: &QueueEntry, outcome: EventOutcome) {
        self.metrics.webhook_event(outcome);
        if let Some(writer) = &self.writer {
            writer.unqueue(entry.event.id.clone());
        }
    }
}

/// How many rooms have an event sent at the same time.
const MOST_ATTEMPTS_AT_ONCE: usize = 64;
