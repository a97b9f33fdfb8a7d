//! Data channels of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use tokio::sync::{Mutex, mpsc};
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use super::{Out, Told};
use crate::error::SendError;

/// The name of the channel that whoever offers creates.
pub(super) const LABEL: &str = "data";

/// The application's end of the data to send.
#[derive(Debug)]
pub(super) struct DataSender {
    queue: mpsc::Sender<Bytes>,
    open: Arc<AtomicBool>,
}

/// The connection's end; whichever channel opens first takes it.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    queue: Arc<Mutex<mpsc::Receiver<Bytes>>>,
    open: Arc<AtomicBool>,
}

pub(super) fn channel() -> (DataSender, Outgoing) {
    let (sender, receiver) = mpsc::channel(QUEUE_MESSAGES);
    let open = Arc::new(AtomicBool::new(false));
    let outgoing = Outgoing { queue: Arc::new(Mutex::new(receiver)), open: Arc::clone(&open) };
    (DataSender { queue: sender, open }, outgoing)
}

impl DataSender {
    pub(super) fn send(&self, data: Bytes) -> Result<(), SendError> {
        if !self.open.load(Ordering::Acquire) {
            return Err(SendError::NoChannel);
        }
        self.queue.try_send(data).map_err(|error| match error {
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
            mpsc::error::TrySendError::Full(_) => SendError::Busy,
        })
    }
}

/// Carries data over a channel until it closes.
pub(super) async fn carry(channel: Arc<dyn DataChannel>, outgoing: Outgoing, out: Out) {
    // Two channels stand where both sides offered at once; data goes out over the first and comes in over either.
    let mut queue = None;
    loop {
        let data = async {
            match &mut queue {
                Some(queue) => next(queue).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = channel.poll() => match event {
                Some(DataChannelEvent::OnOpen) => {
                    queue = Arc::clone(&outgoing.queue).try_lock_owned().ok();
                    if queue.is_some() && !outgoing.open.swap(true, Ordering::AcqRel) {
                        out.tell(Told::DataChannelOpen).await;
                    }
                }
                Some(DataChannelEvent::OnMessage(message)) => out.tell(Told::Data(message.data.freeze())).await,
                Some(DataChannelEvent::OnClose) | None => break,
                Some(_) => {}
            },
            data = data => {
                let Some(data) = data else { break };
                if let Err(error) = channel.send(BytesMut::from(data)).await {
                    tracing::debug!(peer = %out.peer, %error, "data was not sent");
                }
            }
        }
    }
    if queue.is_some() {
        outgoing.open.store(false, Ordering::Release);
    }
}

type Queue = tokio::sync::OwnedMutexGuard<mpsc::Receiver<Bytes>>;

async fn next(queue: &mut Queue) -> Option<Bytes> {
    queue.recv().await
}

/// Messages that wait to be sent at most.
const QUEUE_MESSAGES: usize = 64;
