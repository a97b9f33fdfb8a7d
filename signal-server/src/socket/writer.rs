//! Writes the frames of an outbox to a socket, and tracks how many bytes the system has accepted.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use signal_core::CloseCode;

use crate::listener::traffic::Traffic;
use crate::shard::outbox::{Next, Outbox};

/// The sending half of a socket.
pub(super) struct Writer {
    pub(super) sink: SplitSink<WebSocket, Message>,
    /// Frames taken from the outbox that the sink has not taken yet.
    pending: VecDeque<Utf8Bytes>,
    /// Whether a ping is to be sent before them.
    ping: bool,
    /// The bytes of frames that the sink has accepted and the system has not.
    buffered: usize,
    /// How many bytes the system had accepted when `buffered` was last reduced.
    taken_before: u64,
    /// Whether even the smallest progress is reported.
    is_report_due: bool,
    /// `None` if the connection belongs to a host application.
    traffic: Option<Arc<Traffic>>,
}

/// The progress of a writer.
pub(super) enum WriteProgress {
    /// The system has taken this many bytes of frames.
    Bytes(usize),
    /// The socket is to be closed with this code, after the frames that are left.
    Close(CloseCode),
    /// The connection has failed.
    Failed,
}

impl Writer {
    pub(super) fn new(sink: SplitSink<WebSocket, Message>, traffic: Option<Arc<Traffic>>) -> Self {
        Self {
            sink,
            pending: VecDeque::new(),
            ping: false,
            buffered: 0,
            taken_before: traffic.as_deref().map_or(0, Traffic::written),
            is_report_due: false,
            traffic,
        }
    }

    /// Requests a ping, and a report of the progress since the last one, however small.
    pub(super) fn ping(&mut self) {
        self.ping = true;
        self.is_report_due = true;
    }

    /// Waits for frames and writes them until the system has accepted some. A close interrupts it,
    /// since the client may not be reading.
    ///
    /// This is cancel safe: the next call continues where this one stopped.
    pub(super) async fn next(&mut self, outbox: &Outbox) -> WriteProgress {
        if !self.is_busy() {
            match outbox.take(&mut self.pending).await {
                Next::Write => {}
                Next::Close(code) => return WriteProgress::Close(code),
            }
        }
        tokio::select! {
            biased;
            written = poll_fn(|cx| self.poll_write(cx)) => match written {
                Ok(bytes) => WriteProgress::Bytes(bytes),
                Err(_) => WriteProgress::Failed,
            },
            code = outbox.closed() => WriteProgress::Close(code),
        }
    }

    /// Writes the remaining frames of a closed outbox.
    pub(super) async fn finish(&mut self, outbox: &Outbox) -> Result<(), axum::Error> {
        // This does not wait, since the outbox is closed.
        outbox.take(&mut self.pending).await;
        while self.is_busy() {
            poll_fn(|cx| self.poll_write(cx)).await?;
        }
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.ping || self.buffered > 0 || !self.pending.is_empty()
    }

    /// Writes a batch. Returns the bytes of frames that the system has accepted once that is the
    /// whole batch, or enough to be worth a report.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, axum::Error>> {
        if let Poll::Ready(flushed) = self.poll_flush(cx) {
            self.note_taken();
            return Poll::Ready(flushed.map(|()| mem::take(&mut self.buffered)));
        }
        let Some(traffic) = &self.traffic else { return Poll::Pending };
        let taken = traffic.written() - self.taken_before;
        // Headers and pongs count as well, so this may exceed the length of the frames.
        let taken = usize::try_from(taken).unwrap_or(usize::MAX).min(self.buffered);
        let least = if self.is_report_due { 1 } else { WORTH_REPORTING };
        if taken < least {
            return Poll::Pending;
        }
        self.buffered -= taken;
        self.note_taken();
        Poll::Ready(Ok(taken))
    }

    /// Hands a batch of frames to the sink and flushes it.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        if self.ping {
            ready!(self.sink.poll_ready_unpin(cx))?;
            self.sink.start_send_unpin(Message::Ping(Bytes::new()))?;
            self.ping = false;
        }
        while self.buffered < BATCH_BYTES && !self.pending.is_empty() {
            ready!(self.sink.poll_ready_unpin(cx))?;
            let Some(frame) = self.pending.pop_front() else { break };
            self.buffered += frame.len();
            self.sink.start_send_unpin(Message::Text(frame))?;
        }
        self.sink.poll_flush_unpin(cx)
    }

    fn note_taken(&mut self) {
        self.is_report_due = false;
        if let Some(traffic) = &self.traffic {
            self.taken_before = traffic.written();
        }
    }
}

/// How many bytes of frames are written with one flush.
const BATCH_BYTES: usize = 64 * 1024;
/// The progress in bytes that is reported before a slow batch is done.
const WORTH_REPORTING: usize = 16 * 1024;
