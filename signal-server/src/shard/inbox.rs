//! The messages that participants send to the host, on their way to the application.

use std::sync::{Arc, Mutex, PoisonError};

use signal_core::ErrorCode;
use signal_core::message::MessageToHost;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The messages of participants to the host, from
/// [`ServerHandle::messages`](crate::ServerHandle::messages).
///
/// Up to 256 messages wait, each of up to 16 KiB unless the
/// [`HubConfig`](signal_core::config::HubConfig::max_data_bytes) says otherwise. The sender of a
/// further one gets the error `rate_limited`, so that nothing is lost silently.
#[derive(Debug)]
pub struct MessagesToHost(Receiver<MessageToHost>);

impl MessagesToHost {
    /// The messages of a server that has ended.
    pub(crate) fn ended() -> Self {
        Inbox::default().listen()
    }

    /// Waits for the next message. Returns `None` when the server has ended, or when another call
    /// of [`ServerHandle::messages`](crate::ServerHandle::messages) has replaced this listener and
    /// no message is left. No message is lost if this future is dropped.
    pub async fn next(&mut self) -> Option<MessageToHost> {
        self.0.recv().await
    }
}

/// Where all shards put the messages to the host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    listener: Arc<Mutex<Option<Sender<MessageToHost>>>>,
}

impl Inbox {
    /// Hands the messages from now on to a new listener.
    pub(crate) fn listen(&self) -> MessagesToHost {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        MessagesToHost(receiver)
    }

    /// Adds a message, or returns the error for its sender.
    pub(super) fn put(&self, message: MessageToHost) -> Result<(), (MessageToHost, ErrorCode)> {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(listener) = &*listener else { return Err((message, ErrorCode::PeerNotFound)) };
        listener.try_send(message).map_err(|refused| match refused {
            TrySendError::Closed(message) => (message, ErrorCode::PeerNotFound),
            TrySendError::Full(message) => (message, ErrorCode::RateLimited),
        })
    }
}

const MOST_WAITING: usize = 256;
