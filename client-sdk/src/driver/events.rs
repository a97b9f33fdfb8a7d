//! The queue of events for the application, which may not be reading.

use tokio::sync::mpsc;

use crate::event::Event;

/// Queues events, and drops and counts those that find no room.
pub(super) struct EventQueue {
    queue: mpsc::Sender<Event>,
    /// A reserved place for [`Event::Closed`], which must not be dropped.
    last: Option<mpsc::OwnedPermit<Event>>,
    /// Dropped since the last event that found room.
    dropped: u64,
}

impl EventQueue {
    pub(super) fn new(queue: mpsc::Sender<Event>) -> Self {
        let last = queue.clone().try_reserve_owned().ok();
        Self { queue, last, dropped: 0 }
    }

    pub(super) fn push(&mut self, event: Event) {
        if self.dropped > 0 && self.queue.try_send(Event::Lagged { dropped: self.dropped }).is_ok()
        {
            self.dropped = 0;
        }
        if matches!(event, Event::Closed(_))
            && let Some(place) = self.last.take()
        {
            place.send(event);
        } else if self.queue.try_send(event).is_err() {
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::CloseReason;

    #[tokio::test]
    async fn the_end_of_the_room_is_told_even_to_whoever_takes_no_events() {
        let (queue, mut events) = mpsc::channel(3);
        let mut sender = EventQueue::new(queue);
        let id = |n: u8| format!("p_{n}").parse().unwrap();
        for n in 0..5 {
            sender.push(Event::ParticipantLeft(id(n)));
        }
        assert!(matches!(events.recv().await, Some(Event::ParticipantLeft(_))));
        sender.push(Event::ParticipantLeft(id(5)));
        sender.push(Event::Closed(CloseReason::Left));
        drop(sender);
        assert!(matches!(events.recv().await, Some(Event::ParticipantLeft(_))));
        assert!(matches!(events.recv().await, Some(Event::Lagged { dropped: 3 })));
        assert!(matches!(events.recv().await, Some(Event::Closed(CloseReason::Left))));
        assert!(events.recv().await.is_none());
    }
}
