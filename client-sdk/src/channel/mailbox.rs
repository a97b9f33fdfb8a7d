//! Messages that wait for the application, bounded in bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::DataMessage;

/// The way of messages to the application.
pub(crate) struct Inlet {
    queue: mpsc::UnboundedSender<Parcel>,
    /// Bytes that may still come.
    room: Arc<Semaphore>,
}

/// Where they wait.
pub(super) struct Mailbox(mpsc::UnboundedReceiver<Parcel>);

/// A message and the room that it takes until it is received.
struct Parcel {
    message: DataMessage,
    _room: OwnedSemaphorePermit,
}

pub(super) fn open() -> (Inlet, Mailbox) {
    let (queue, messages) = mpsc::unbounded_channel();
    (Inlet { queue, room: Arc::new(Semaphore::new(MOST_BYTES)) }, Mailbox(messages))
}

impl Inlet {
    /// Hands a message over as soon as there is room for it; `false` if nobody wants it any more.
    pub(crate) async fn push(&self, message: DataMessage) -> bool {
        let size = (message.data.len() + OVERHEAD).min(MOST_BYTES);
        let permits = u32::try_from(size).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(permits).await else {
            return false;
        };
        self.queue.send(Parcel { message, _room: room }).is_ok()
    }

    /// Waits until the application has dropped the channel.
    pub(crate) async fn abandoned(&self) {
        self.queue.closed().await;
    }
}

impl Mailbox {
    pub(super) async fn recv(&mut self) -> Option<DataMessage> {
        self.0.recv().await.map(|parcel| parcel.message)
    }
}

const MOST_BYTES: usize = 1024 * 1024;
/// What an empty message takes.
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
        let (inlet, mut mailbox) = open();
        let half = MOST_BYTES / 2 - OVERHEAD;
        assert!(inlet.push(message(half)).await && inlet.push(message(half)).await);
        let mut third = Box::pin(inlet.push(message(0)));
        assert_eq!((&mut third).now_or_never(), None);
        assert_eq!(mailbox.recv().await, Some(message(half)));
        assert!(third.await);
        assert_eq!(mailbox.recv().await, Some(message(half)));
        assert_eq!(mailbox.recv().await, Some(message(0)));
    }

    #[tokio::test]
    async fn whoever_waits_for_room_is_let_go_when_nobody_receives_any_more() {
        let (inlet, mailbox) = open();
        assert!(inlet.push(message(MOST_BYTES)).await);
        let waiting = inlet.push(message(1));
        drop(mailbox);
        assert!(!waiting.await);
        inlet.abandoned().await;
    }
}
