//! A queue of messages for the application, bounded in bytes.

use tokio::sync::mpsc;

use super::{ByteBudget, ByteShare, DataMessage};

/// The sending end, which the connection has.
pub(crate) struct MailboxSender {
    queue: mpsc::UnboundedSender<Queued>,
    budget: ByteBudget,
}

/// The receiving end, which the application has.
pub(super) struct MailboxReceiver(mpsc::UnboundedReceiver<Queued>);

/// A message and the share of the budget that it holds until it is received.
struct Queued {
    message: DataMessage,
    _share: ByteShare,
}

pub(super) fn open() -> (MailboxSender, MailboxReceiver) {
    let (queue, messages) = mpsc::unbounded_channel();
    (MailboxSender { queue, budget: ByteBudget::default() }, MailboxReceiver(messages))
}

impl MailboxSender {
    /// Queues a message once there is room for it; `false` if the application has dropped the
    /// channel.
    pub(crate) async fn push(&self, message: DataMessage) -> bool {
        let share = self.budget.take(&message.data).await;
        self.queue.send(Queued { message, _share: share }).is_ok()
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
        let half = ByteBudget::BYTES / 2 - ByteBudget::OVERHEAD;
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
        assert!(sender.push(message(ByteBudget::BYTES)).await);
        let waiting = sender.push(message(1));
        drop(mailbox);
        assert!(!waiting.await);
        sender.abandoned().await;
    }
}
