//! The messages that participants send to `host`, on their way to the host application.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use signal_core::message::MessageToHost;
use signal_core::room::Ticket;
use signal_core::{ErrorCode, RoomId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The messages of participants to the host, from
/// [`ServerHandle::messages`](crate::ServerHandle::messages).
///
/// Up to 256 messages wait, 32 of them from one participant over all its sockets, each of up to 16
/// KiB unless the [`HubConfig`](signal_core::config::HubConfig::max_data_bytes) says otherwise. A
/// room of which more messages wait than further ones have space gets no more in, so that one room
/// does not keep out the others. The sender of a message that does not get in gets the error
/// `rate_limited`, so that nothing is lost silently.
#[derive(Debug)]
pub struct MessagesToHost {
    receiver: Receiver<MessageToHost>,
    waiting: Waiting,
}

impl MessagesToHost {
    /// The messages of a server that has ended.
    pub(crate) fn ended() -> Self {
        Inbox::default().listen()
    }

    /// Waits for the next message. Returns `None` when the server has ended, or when another call
    /// of [`ServerHandle::messages`](crate::ServerHandle::messages) has replaced this listener and
    /// no message is left. No message is lost if this future is dropped.
    pub async fn next(&mut self) -> Option<MessageToHost> {
        let message = self.receiver.recv().await?;
        self.waiting.remove(&message);
        Some(message)
    }
}

/// Where all shards put the messages to the host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    listener: Arc<Mutex<Option<Listener>>>,
}

#[derive(Debug)]
struct Listener {
    sender: Sender<MessageToHost>,
    waiting: Waiting,
}

/// How many messages of each room wait, under `None`, and how many of each participant. Its sockets
/// share the number.
#[derive(Clone, Debug, Default)]
struct Waiting(Arc<Mutex<FxHashMap<Key, usize>>>);

type Key = (RoomId, Option<Ticket>);

impl Inbox {
    /// Hands the messages from now on to a new listener.
    pub(crate) fn listen(&self) -> MessagesToHost {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let waiting = Waiting::default();
        let listener = Listener { sender, waiting: waiting.clone() };
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
        MessagesToHost { receiver, waiting }
    }

    /// Adds a message, or returns it with the error for its sender.
    pub(super) fn put(&self, message: MessageToHost) -> Option<(MessageToHost, ErrorCode)> {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Listener { sender, waiting }) = &*listener else {
            return Some((message, ErrorCode::PeerNotFound));
        };
        if !waiting.add(&message, sender.capacity()) {
            return Some((message, ErrorCode::RateLimited));
        }
        let (message, code) = match sender.try_send(message) {
            Ok(()) => return None,
            Err(TrySendError::Closed(message)) => (message, ErrorCode::PeerNotFound),
            Err(TrySendError::Full(message)) => (message, ErrorCode::RateLimited),
        };
        waiting.remove(&message);
        Some((message, code))
    }
}

impl Waiting {
    /// Counts a message, unless too many of its sender wait, or more of its room than there is
    /// space for further ones.
    fn add(&self, message: &MessageToHost, space: usize) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [room, sender] = keys(message);
        let count = |key| counts.get(&key).copied().unwrap_or_default();
        if count(room) > space || count(sender) >= MOST_OF_ONE {
            return false;
        }
        for key in [room, sender] {
            *counts.entry(key).or_default() += 1;
        }
        true
    }

    fn remove(&self, message: &MessageToHost) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(message) {
            let Some(count) = counts.get_mut(&key) else { continue };
            *count -= 1;
            if *count == 0 {
                counts.remove(&key);
            }
        }
    }
}

/// What a message counts for: its room, and its sender.
fn keys(message: &MessageToHost) -> [Key; 2] {
    [(message.room, None), (message.room, Some(message.ticket))]
}

const MOST_WAITING: usize = 256;
const MOST_OF_ONE: usize = 32;
