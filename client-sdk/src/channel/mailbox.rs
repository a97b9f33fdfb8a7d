//! A queue of messages for the application, bounded in bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::DataMessage;

/// The connection's end.
pub(crate) struct MailboxSender {
    queue: mpsc::UnboundedSender<Queued>,
    /// One permit for each byte that may still be queued.
    room: Arc<Semaphore>,
}

/// The application's end.
pub(super) struct MailboxReceiver(mpsc::UnboundedReceiver<Queued>);

/// A message and the permits that it holds until it is received.
struct Queued {
    message: DataMessage,
    _room: OwnedSemaphorePermit,
}

pub(super) fn open() -> (MailboxSender, MailboxReceiver) {
    let (queue, messages) = mpsc::unbounded_channel();
    (MailboxSender { queue, room: Arc::new(Semaphore::new(MAX_BYTES)) }, MailboxReceiver(messages))
}

impl MailboxSender {
    /// Queues a message as soon as there is room for it; `false` if the application has dropped the
    /// channel.
    pub(crate) async fn push(&self, message: DataMessage) -> bool {
        let size = (message.data.len() + OVERHEAD).min(MAX_BYTES);
        let permits = u32::try_from(size).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(permits).await else {
            return false;
        };
        self.queue.send(Queued { message, _room: room }).is_ok()
    }

    /// Waits until the application has dropped the channel.
    pub(crate) async fn abandoned(&self) {
        self.queue.closed().await;
    }
}

impl MailboxReceiver {
    pub(super) async fn recv(&mut self) -> Option<DataMessage> {
        self.0.recv().await.map(|parcel| parcel.message)
    }
}

const MAX_BYTES: usize = 1024 * 1024;
/// What a message costs besides its bytes, so that empty ones are bounded too.
const OVERHEAD: usize = 64;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn message(size: usize) -> DataMessage {
        DataMessage { data: vec![7; size].into(), is_text: false }
    }

    #[tokio::test]
    async fn what_is_not_received_holds_up_the_rest_until_it_is() {
        let (sender, mut mailbox) = open();
        let half = MAX_BYTES / 2 - OVERHEAD;
        assert!(sender.push(message(half)).await && sender.push(message(half)).await);
        let mut third = Box::pin(sender.push(message(0)));
        assert_eq!((&mut third).now_or_never(), None);
        assert_eq!(mailbox.recv().await, Some(message(half)));
        assert!(third.await);
        assert_eq!(mailbox.recv().await, Some(message(half)));
        assert_eq!(mailbox.recv().await, Some(message(0)));
    }

    #[tokio::test]
    async fn whoever_waits_for_room_is_let_go_when_nobody_receives_any_more() {
        let (sender, mailbox) = open();
        assert!(sender.push(message(MAX_BYTES)).await);
        let waiting = sender.push(message(1));
        drop(mailbox);
        assert!(!waiting.await);
        sender.abandoned().await;
    }
}
