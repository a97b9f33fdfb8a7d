//! A participant's socket, which reads while it writes, and counts the messages for a resume.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

use client_sdk::Bytes;
use futures_util::{SinkExt, StreamExt};
use signal_core::message::{ClientMessage, ServerMessage};
use signal_core::wire::{decode_server, encode_client};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::network::Socket;

pub(crate) struct Connection {
    /// `None` after it was cut.
    socket: Option<Socket>,
    /// Messages that the socket has not accepted yet.
    queue: VecDeque<Utf8Bytes>,
    /// How many messages have come.
    pub(super) received: u64,
    /// Messages that the server may not have received, if they are kept; the last one has the
    /// number `sent`.
    unacknowledged: Option<VecDeque<Utf8Bytes>>,
    sent: u64,
}

/// The socket has ended.
#[derive(Debug)]
pub(crate) struct Ended;

impl Connection {
    /// A connection that can send again what was lost, if it is to be resumable.
    pub(super) fn new(socket: Socket, is_resumable: bool) -> Self {
        Self {
            socket: Some(socket),
            queue: VecDeque::new(),
            received: 0,
            unacknowledged: is_resumable.then(VecDeque::new),
            sent: 0,
        }
    }

    /// Goes on with another socket after `taken` messages that the server took of this participant;
    /// `None` if that is unknown.
    pub(super) fn resume(&mut self, socket: Socket, taken: Option<u64>) {
        self.socket = Some(socket);
        let lost = match (&self.unacknowledged, taken) {
            (Some(unacknowledged), Some(taken)) => {
                let lost = usize::try_from(self.sent.saturating_sub(taken)).unwrap_or(usize::MAX);
                let first = unacknowledged.len().saturating_sub(lost);
                unacknowledged.iter().skip(first).cloned().collect()
            }
            _ => VecDeque::new(),
        };
        self.queue = lost;
    }

    pub(super) fn send(&mut self, message: &ClientMessage) {
        let frame = Utf8Bytes::try_from(encode_client(message, None)).expect("JSON is UTF-8");
        self.sent += 1;
        if let Some(unacknowledged) = &mut self.unacknowledged {
            unacknowledged.push_back(frame.clone());
            if unacknowledged.len() > MOST_KEPT {
                unacknowledged.pop_front();
            }
        }
        self.queue.push_back(frame);
    }

    /// Writes what is queued, and waits for the next message. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<ServerMessage, Ended> {
        loop {
            let text = poll_fn(|context| self.poll(context)).await?;
            // Messages that this version does not know are counted as well.
            let message = decode_server(&Bytes::from(text));
            if !matches!(message, Ok(ServerMessage::Resumed(_))) {
                self.received += 1;
            }
            if let Ok(message) = message {
                return Ok(message);
            }
        }
    }

    /// Drops the socket as a network does that goes away.
    pub(super) fn cut(&mut self) {
        self.socket = None;
    }

    /// Writes what is queued, and ends the socket as its server does.
    pub(super) async fn close(mut self) {
        while self.next().await.is_ok() {}
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Utf8Bytes, Ended>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Err(Ended)) };
        while !self.queue.is_empty() {
            match socket.poll_ready_unpin(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Ended)),
                Poll::Pending => break,
            }
            let Some(frame) = self.queue.pop_front() else { break };
            if socket.start_send_unpin(Message::Text(frame)).is_err() {
                return Poll::Ready(Err(Ended));
            }
        }
        if let Poll::Ready(Err(_)) = socket.poll_flush_unpin(context) {
            return Poll::Ready(Err(Ended));
        }
        loop {
            match socket.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(Message::Text(text)))) => return Poll::Ready(Ok(text)),
                Poll::Ready(Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                    return Poll::Ready(Err(Ended));
                }
                // The library answers pings. The protocol has no binary messages.
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// As many as a server keeps.
const MOST_KEPT: usize = 256;
