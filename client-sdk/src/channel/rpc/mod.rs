//! Requests and their replies over a data channel.

mod frame;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::frame::{Body, Frame};
use super::mailbox::MailboxReceiver;
use super::{ChannelWriter, DataChannel};
use crate::error::SendError;

/// Sends requests to the other side of a data channel; cheap to clone. Made by
/// [`DataChannel::into_rpc`].
///
/// [The guide](crate::guide::channels) has the format and the code for pages.
#[derive(Clone)]
pub struct Rpc {
    writer: ChannelWriter,
    waiting: PendingReplies,
    _in_use: InUse,
}

/// The requests of the other side of a data channel.
pub struct RpcRequests {
    queue: mpsc::Receiver<RpcRequest>,
    _in_use: InUse,
}

/// A request of the other side. Dropping it answers it with an error.
pub struct RpcRequest {
    name: String,
    data: Box<RawValue>,
    /// `None` once it is answered.
    answer: Option<Answer>,
}

/// Why a request has no reply.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RpcError {
    /// 64 requests are waiting for replies already.
    #[error("64 requests are already waiting for replies")]
    Busy,
    /// The data channel is closed. Whether the other side has received the request is unknown.
    #[error("the data channel is closed")]
    Closed,
    /// The value has no JSON form, or another form than the expected one.
    #[error("not the expected JSON: {0}")]
    Json(String),
    /// The other side answered with an error.
    #[error("the other side refuses: {0}")]
    Refused(String),
    /// No reply came in time. A later reply is ignored.
    #[error("no reply came in time")]
    Timeout,
    /// The caller's fault: the message is larger than the other side accepts.
    #[error("the message is larger than the other side accepts")]
    TooLarge,
}

/// Held by every user of the channel. Once all are dropped, the channel is closed.
type InUse = mpsc::Sender<()>;

impl DataChannel {
    /// Uses the channel for requests and replies, in both directions. It should be ordered and
    /// reliable, and the other side has to use it in the same way.
    ///
    /// The channel is closed once both values, their clones and all requests are dropped.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime.
    #[must_use]
    pub fn into_rpc(self) -> (Rpc, RpcRequests) {
        let Self { writer, mailbox, .. } = self;
        let (in_use, unused) = mpsc::channel(1);
        let (queue, requests) = mpsc::channel(MAX_QUEUED);
        let waiting = PendingReplies::default();
        let reader = Reader {
            writer: writer.clone(),
            waiting: waiting.clone(),
            queue,
            in_use: in_use.downgrade(),
        };
        tokio::spawn(reader.run(mailbox, unused));
        let rpc = Rpc { writer, waiting, _in_use: in_use.clone() };
        (rpc, RpcRequests { queue: requests, _in_use: in_use })
    }
}

impl Rpc {
    /// Sends a request and waits for its reply. Safe to cancel.
    ///
    /// # Errors
    ///
    /// The other side refuses or does not reply in time, the channel is closed, too many requests
    /// wait, or a value has an unexpected form.
    pub async fn request<T: DeserializeOwned>(
        &self,
        name: &str,
        data: &(impl Serialize + ?Sized + Sync),
        patience: Duration,
    ) -> Result<T, RpcError> {
        let data = to_raw_value(data).map_err(|error| RpcError::Json(error.to_string()))?;
        let reply = timeout(patience, self.exchange(name, data)).await;
        let reply = reply.unwrap_or(Err(RpcError::Timeout))?;
        serde_json::from_str(reply.get()).map_err(|error| RpcError::Json(error.to_string()))
    }

    async fn exchange(&self, name: &str, data: Box<RawValue>) -> Result<Box<RawValue>, RpcError> {
        let entry = self.waiting.enter()?;
        let body = Body::Request { name: name.to_owned(), data };
        send(&self.writer, &Frame { id: entry.id, body }).await?;
        entry.reply().await
    }
}

impl RpcRequests {
    /// Waits for the next request; `None` once the channel is closed. Safe to cancel.
    ///
    /// Up to 64 requests wait. Beyond that, and once this value is dropped, the other side gets an
    /// error.
    pub async fn recv(&mut self) -> Option<RpcRequest> {
        self.queue.recv().await
    }
}

impl RpcRequest {
    /// The name of the request.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The data of the request.
    ///
    /// # Errors
    ///
    /// [`RpcError::Json`] if the data has another form.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        serde_json::from_str(self.data.get()).map_err(|error| RpcError::Json(error.to_string()))
    }

    /// Answers the request.
    ///
    /// # Errors
    ///
    /// The value has no JSON form or is too large, in which case the other side gets an error, or
    /// the channel is closed.
    pub async fn reply(mut self, data: &(impl Serialize + ?Sized + Sync)) -> Result<(), RpcError> {
        let data = to_raw_value(data).map_err(|error| RpcError::Json(error.to_string()))?;
        let Some(answer) = &self.answer else { return Ok(()) };
        answer.send(Body::Reply { data }).await?;
        self.answer = None;
        Ok(())
    }

    /// Answers the request with an error.
    ///
    /// # Errors
    ///
    /// The channel is closed, or the reason is too large.
    pub async fn refuse(mut self, reason: &str) -> Result<(), RpcError> {
        let Some(answer) = &self.answer else { return Ok(()) };
        answer.send(Body::Error { reason: reason.to_owned() }).await?;
        self.answer = None;
        Ok(())
    }
}

impl Drop for RpcRequest {
    fn drop(&mut self) {
        let Some(answer) = self.answer.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            let reason = "the request was not answered".to_owned();
            runtime.spawn(async move { answer.send(Body::Error { reason }).await });
        }
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").finish_non_exhaustive()
    }
}

impl fmt::Debug for RpcRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcRequests").finish_non_exhaustive()
    }
}

impl fmt::Debug for RpcRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Sends the reply to one request.
struct Answer {
    id: u64,
    writer: ChannelWriter,
    _in_use: InUse,
}

impl Answer {
    async fn send(&self, body: Body) -> Result<(), RpcError> {
        send(&self.writer, &Frame { id: self.id, body }).await
    }
}

/// Sends a frame once there is room for it.
async fn send(writer: &ChannelWriter, frame: &Frame) -> Result<(), RpcError> {
    let text = frame.encode();
    loop {
        writer.writable().await.map_err(|_| RpcError::Closed)?;
        match writer.send_text(&text).await {
            Ok(()) => return Ok(()),
            // Another task has used up the room.
            Err(SendError::Busy) => {}
            Err(SendError::TooLarge) => return Err(RpcError::TooLarge),
            Err(SendError::Closed | SendError::NoChannel) => return Err(RpcError::Closed),
        }
    }
}

/// Passes arriving requests to the application, and replies to their requests.
struct Reader {
    writer: ChannelWriter,
    waiting: PendingReplies,
    queue: mpsc::Sender<RpcRequest>,
    in_use: mpsc::WeakSender<()>,
}

impl Reader {
    async fn run(self, mut mailbox: MailboxReceiver, mut unused: mpsc::Receiver<()>) {
        loop {
            tokio::select! {
                message = mailbox.recv() => match message {
                    Some(message) => self.handle(&message.data).await,
                    None => break,
                },
                // Nothing is ever sent here: this ends when all users have dropped their senders.
                _ = unused.recv() => break,
            }
        }
        self.waiting.close();
    }

    async fn handle(&self, message: &[u8]) {
        let Some(Frame { id, body }) = Frame::decode(message) else {
            return tracing::debug!("ignoring a message that is neither a request nor a reply");
        };
        match body {
            Body::Request { name, data } => {
                let Some(in_use) = self.in_use.upgrade() else { return };
                let answer = Answer { id, writer: self.writer.clone(), _in_use: in_use };
                let request = RpcRequest { name, data, answer: Some(answer) };
                let Err(refused) = self.queue.try_send(request) else { return };
                let reason = match refused {
                    mpsc::error::TrySendError::Full(_) => "too many requests wait",
                    mpsc::error::TrySendError::Closed(_) => "nobody answers requests",
                };
                let mut request = refused.into_inner();
                request.answer = None;
                let body = Body::Error { reason: reason.to_owned() };
                // This does not wait for room, which would delay replies. A peer with too many
                // requests may get no answer.
                let _ = self.writer.send_text(&Frame { id, body }.encode()).await;
            }
            Body::Reply { data } => self.waiting.resolve(id, Ok(data)),
            Body::Error { reason } => self.waiting.resolve(id, Err(reason)),
        }
    }
}

type Reply = Result<Box<RawValue>, String>;

/// The requests of this side that wait for their replies.
#[derive(Clone, Default)]
struct PendingReplies(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    last_id: u64,
    replies: HashMap<u64, oneshot::Sender<Reply>>,
    is_closed: bool,
}

/// A request that waits until this is dropped.
struct Entry {
    id: u64,
    reply: oneshot::Receiver<Reply>,
    waiting: PendingReplies,
}

impl PendingReplies {
    fn enter(&self) -> Result<Entry, RpcError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(RpcError::Closed);
        }
        if state.replies.len() >= MAX_WAITING {
            return Err(RpcError::Busy);
        }
        let (sender, reply) = oneshot::channel();
        state.last_id += 1;
        let id = state.last_id;
        state.replies.insert(id, sender);
        Ok(Entry { id, reply, waiting: self.clone() })
    }

    fn resolve(&self, id: u64, reply: Reply) {
        if let Some(sender) = self.state().replies.remove(&id) {
            // The request may have been given up just now.
            let _ = sender.send(reply);
        }
    }

    fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.replies.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    async fn reply(mut self) -> Result<Box<RawValue>, RpcError> {
        let reply = (&mut self.reply).await.map_err(|_| RpcError::Closed)?;
        reply.map_err(RpcError::Refused)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.waiting.state().replies.remove(&self.id);
    }
}

/// How many requests of this side may wait for replies.
const MAX_WAITING: usize = 64;
/// How many requests of the other side may wait for the application: at most 4 MiB.
const MAX_QUEUED: usize = 64;
