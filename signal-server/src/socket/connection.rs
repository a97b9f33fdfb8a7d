//! The task of one signaling WebSocket: it reads and writes frames, sends pings and closes.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::SinkExt;
use signal_core::{CloseCode, ConnId, Disconnect, FrameDecoder, Input};
use tokio::time::{Instant, MissedTickBehavior, Sleep, interval_at, sleep, timeout};

use super::violation;
use crate::shard::Shard;
use crate::shard::outbox::{Next, Outbox};

/// A connection that is registered with its shard. The shard is told when it ends, however it ends.
pub(crate) struct Connection<'a> {
    shard: &'a Shard,
    conn: ConnId,
    decoder: FrameDecoder,
    outbox: Arc<Outbox>,
    /// Frames taken from the outbox that the socket has not taken yet.
    pending: VecDeque<Utf8Bytes>,
    /// Bytes written since the hub was last told about written bytes.
    unacknowledged: usize,
    /// How the connection ends, as far as the task knows.
    loss: Disconnect,
}

impl<'a> Connection<'a> {
    pub(crate) fn open(shard: &'a Shard, conn: ConnId, decoder: FrameDecoder, open: Input) -> Self {
        let outbox = shard.open(conn, open);
        Self {
            shard,
            conn,
            decoder,
            outbox,
            pending: VecDeque::new(),
            unacknowledged: 0,
            loss: Disconnect::Abrupt,
        }
    }

    /// Transfers frames until either side ends the connection.
    pub(crate) async fn run(mut self, mut socket: WebSocket) {
        let mut heartbeat = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        // When the first ping after `last_heard` was sent.
        let mut pinged = None;
        let mut silence = pin!(sleep(SILENCE));
        loop {
            tokio::select! {
                next = self.outbox.take(&mut self.pending) => {
                    let written = match next {
                        Next::Write => self.write(&mut socket).await,
                        Next::Close(code) => Written::Closed(code),
                    };
                    match written {
                        Written::All => {}
                        Written::Closed(code) => return self.finish(&mut socket, code).await,
                        Written::Failed => return,
                    }
                }
                heard = hear(&mut socket, silence.as_mut()) => {
                    let Heard::Message(message) = heard else {
                        // The time starts with a ping that was really sent: a busy or suspended
                        // server may have sent none.
                        let answer_by = pinged.unwrap_or_else(Instant::now) + ANSWER;
                        let until = answer_by.max(last_heard + SILENCE);
                        if until <= Instant::now() {
                            tracing::debug!("no answer to pings, closing");
                            // The shard is told at once, so that the other participants need not
                            // wait for the close.
                            drop(self);
                            let frame = CloseFrame { code: NO_PONG, reason: "no pong".into() };
                            return close(&mut socket, frame).await;
                        }
                        silence.as_mut().reset(until);
                        continue;
                    };
                    (last_heard, pinged) = (Instant::now(), None);
                    let frame = match message {
                        Some(Ok(Message::Text(text))) => text.into(),
                        // The protocol is text only. The hub answers an empty frame with an error.
                        Some(Ok(Message::Binary(_))) => Bytes::new(),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(frame))) => {
                            self.loss = loss(frame.as_ref());
                            drop(self);
                            return read_to_end(&mut socket).await;
                        }
                        Some(Err(error)) => {
                            drop(self);
                            if let Some(frame) = violation::close_frame(error) {
                                let (code, reason) = (frame.code, &frame.reason);
                                tracing::debug!(code, %reason, "closing");
                                close(&mut socket, frame).await;
                            }
                            return;
                        }
                        None => return,
                    };
                    self.shard.message(self.conn, self.decoder, &frame);
                }
                _ = heartbeat.tick() => {
                    pinged.get_or_insert_with(Instant::now);
                    let ping = socket.send(Message::Ping(Bytes::new()));
                    match patiently(&self.outbox, ping).await {
                        Written::All => {}
                        Written::Closed(code) => return self.finish(&mut socket, code).await,
                        Written::Failed => return,
                    }
                }
            }
        }
    }

    /// Writes up to [`BATCH`] pending frames with one flush.
    async fn write(&mut self, socket: &mut WebSocket) -> Written {
        let bytes: usize = self.pending.iter().take(BATCH).map(|frame| frame.len()).sum();
        let flush = flush(&mut self.pending, BATCH, &self.outbox, socket);
        match patiently(&self.outbox, flush).await {
            Written::All => {}
            interrupted @ (Written::Closed(_) | Written::Failed) => return interrupted,
        }
        self.unacknowledged += bytes;
        if self.unacknowledged >= ACKNOWLEDGE_BYTES {
            self.shard.input(Input::Sent { conn: self.conn, bytes: self.unacknowledged });
            self.unacknowledged = 0;
        }
        Written::All
    }

    /// Writes every frame that precedes the close, then the close frame, as far as the client reads
    /// them.
    async fn finish(&mut self, socket: &mut WebSocket, code: CloseCode) {
        tracing::debug!(code = code.as_u16(), "closing");
        // This does not wait, since the outbox is closed.
        self.outbox.take(&mut self.pending).await;
        let flush = flush(&mut self.pending, usize::MAX, &self.outbox, socket);
        if let Ok(Ok(())) = timeout(FAREWELL, flush).await {
            close(socket, CloseFrame { code: code.as_u16(), reason: "".into() }).await;
        }
    }
}

/// What the socket yielded: the next message, or nothing within the time allowed.
enum Heard {
    Message(Option<Result<Message, axum::Error>>),
    Nothing,
}

/// Waits for the next message. A message that is already there wins over an expired timer.
async fn hear(socket: &mut WebSocket, silence: Pin<&mut Sleep>) -> Heard {
    tokio::select! {
        biased;
        message = socket.recv() => Heard::Message(message),
        () = silence => Heard::Nothing,
    }
}

/// Writes pending frames to the socket. This is cancel safe: a frame remains pending until the
/// socket has taken it.
async fn flush(
    pending: &mut VecDeque<Utf8Bytes>,
    most: usize,
    outbox: &Outbox,
    socket: &mut WebSocket,
) -> Result<(), axum::Error> {
    for _ in 0..most {
        let Some(frame) = pending.front() else { break };
        socket.feed(Message::Text(frame.clone())).await?;
        if let Some(written) = pending.pop_front() {
            outbox.written(&written);
        }
    }
    socket.flush().await
}

/// Tells the hub that the connection has ended, even if its task panics.
impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.shard.lost(self.conn, self.loss);
        self.outbox.abandon(&self.pending);
    }
}

/// A normal close code means that the participant has left (RFC 6455 section 7.4.1). Every other
/// code reports a failure.
fn loss(frame: Option<&CloseFrame>) -> Disconnect {
    match frame.map(|frame| frame.code) {
        None | Some(close_code::NORMAL | close_code::AWAY | close_code::STATUS) => {
            Disconnect::Clean
        }
        Some(_) => Disconnect::Abrupt,
    }
}

/// Runs a write for as long as a client may be silent. A close interrupts it, since the client may
/// not be reading.
async fn patiently(
    outbox: &Outbox,
    writing: impl Future<Output = Result<(), axum::Error>>,
) -> Written {
    tokio::select! {
        biased;
        written = timeout(SILENCE, writing) => match written {
            Ok(Ok(())) => Written::All,
            Ok(Err(_)) | Err(_) => Written::Failed,
        },
        code = outbox.closed() => Written::Closed(code),
    }
}

/// The outcome of writing a batch or a ping.
enum Written {
    All,
    Closed(CloseCode),
    Failed,
}

/// Sends a close frame and waits for the client's, so that frames sent before it arrive (RFC 6455
/// section 7.1.1).
pub(crate) async fn close(socket: &mut WebSocket, frame: CloseFrame) {
    if let Ok(Ok(())) = timeout(FAREWELL, socket.send(Message::Close(Some(frame)))).await {
        read_to_end(socket).await;
    }
}

/// Reads until the socket has ended. This also answers a close frame that was received (RFC 6455
/// section 5.5.1).
async fn read_to_end(socket: &mut WebSocket) {
    let read = async { while let Some(Ok(_)) = socket.recv().await {} };
    // The connection ends whether or not the client answers in time.
    let _ = timeout(FAREWELL, read).await;
}

/// Frames written with one flush.
const BATCH: usize = 64;
/// How many bytes are written before the hub is told. Telling it of each frame would take the
/// shard's lock too often.
const ACKNOWLEDGE_BYTES: usize = 64 * 1024;
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a socket may neither send nor take anything before it is dropped.
const SILENCE: Duration = Duration::from_secs(45);
/// The least time that a client has to answer a ping.
const ANSWER: Duration = PING_EVERY;
const FAREWELL: Duration = Duration::from_secs(2);
const NO_PONG: u16 = 4012;
