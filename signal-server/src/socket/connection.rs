//! The task of one signaling WebSocket: it reads and writes frames, sends pings and closes.

use std::future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::SplitStream;
use futures_util::{Sink, SinkExt, StreamExt};
use signal_core::hub::{Disconnect, FrameDecoder, Input};
use signal_core::{CloseCode, ConnId};
use tokio::task::consume_budget;
use tokio::time::{Instant, MissedTickBehavior, Sleep, interval_at, sleep, timeout};

use super::silence::Silence;
use super::violation;
use super::writer::{WriteProgress, Writer};
use crate::listener::traffic::Traffic;
use crate::shard::Shard;
use crate::shard::outbox::Outbox;

/// A connection that is registered with its shard. The shard is told when it ends, however it ends.
pub(crate) struct Connection<'a> {
    shard: &'a Shard,
    conn: ConnId,
    decoder: FrameDecoder,
    outbox: Arc<Outbox>,
    /// How the connection ends, as far as the task knows.
    loss: Disconnect,
}

impl<'a> Connection<'a> {
    pub(crate) fn open(shard: &'a Shard, conn: ConnId, decoder: FrameDecoder, open: Input) -> Self {
        let outbox = shard.open(conn, open);
        Self { shard, conn, decoder, outbox, loss: Disconnect::Abrupt }
    }

    /// Transfers frames until either side ends the connection. It reads while it writes, so that
    /// messages of a client that does not read still arrive.
    pub(crate) async fn run(mut self, socket: WebSocket, traffic: Option<Arc<Traffic>>) {
        let (sink, mut stream) = socket.split();
        let mut writer = Writer::new(sink, traffic.clone());
        let mut heartbeat = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silence = Silence::new(traffic);
        let mut silence_ends = pin!(sleep(Silence::LONGEST));
        loop {
            // Frames in the read buffer do not count towards the runtime's budget, but other tasks
            // have to run too.
            consume_budget().await;
            tokio::select! {
                written = writer.next(&self.outbox) => match written {
                    // A ping.
                    WriteProgress::Bytes(0) => {}
                    WriteProgress::Bytes(bytes) => {
                        self.outbox.written(bytes);
                        self.shard.input(Input::Sent { conn: self.conn, bytes });
                    }
                    WriteProgress::Close(code) => return self.finish(writer, stream, code).await,
                    WriteProgress::Failed => return,
                },
                heard = hear(&mut stream, silence_ends.as_mut()) => {
                    let Heard::Message(message) = heard else {
                        let Some(until) = silence.lasts_until() else {
                            tracing::debug!("no answer to pings, closing");
                            // The shard is told at once, so that the other participants need not
                            // wait for the close.
                            drop(self);
                            let frame = CloseFrame { code: NO_PONG, reason: "no pong".into() };
                            return close(&mut writer.sink, &mut stream, frame).await;
                        };
                        silence_ends.as_mut().reset(until);
                        continue;
                    };
                    silence.end();
                    let frame = match message {
                        Some(Ok(Message::Text(text))) => text.into(),
                        // The protocol is text only. The hub answers an empty frame with an error.
                        Some(Ok(Message::Binary(_))) => Bytes::new(),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(frame))) => {
                            self.loss = loss(frame.as_ref());
                            drop(self);
                            return read_to_end(&mut stream).await;
                        }
                        Some(Err(error)) => {
                            drop(self);
                            if let Some(frame) = violation::close_frame(error) {
                                let (code, reason) = (frame.code, &frame.reason);
                                tracing::debug!(code, %reason, "closing");
                                close(&mut writer.sink, &mut stream, frame).await;
                            }
                            return;
                        }
                        None => return,
                    };
                    self.shard.message(self.conn, self.decoder, &frame);
                }
                _ = heartbeat.tick() => {
                    writer.ping();
                    silence.pinged();
                }
            }
        }
    }

    /// Writes every frame that precedes the close, then the close frame, as far as the client reads
    /// them.
    async fn finish(
        &mut self,
        mut writer: Writer,
        mut stream: SplitStream<WebSocket>,
        code: CloseCode,
    ) {
        tracing::debug!(code = code.as_u16(), "closing");
        let flush = async {
            // Incoming messages are read and discarded, since the client may not read before it has
            // sent them.
            tokio::select! {
                flushed = writer.finish(&self.outbox) => flushed.is_ok(),
                never = discard(&mut stream) => never,
            }
        };
        if let Ok(true) = timeout(FAREWELL, flush).await {
            let frame = CloseFrame { code: code.as_u16(), reason: "".into() };
            close(&mut writer.sink, &mut stream, frame).await;
        }
    }
}

/// Tells the hub that the connection has ended, even if its task panics.
impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.shard.lost(self.conn, self.loss);
    }
}

/// What the socket yielded: the next message, or nothing within the time allowed.
enum Heard {
    Message(Option<Result<Message, axum::Error>>),
    Nothing,
}

/// Waits for the next message. A message that is already there wins over an expired timer.
async fn hear(stream: &mut SplitStream<WebSocket>, silence_ends: Pin<&mut Sleep>) -> Heard {
    tokio::select! {
        biased;
        message = stream.next() => Heard::Message(message),
        () = silence_ends => Heard::Nothing,
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

/// Sends a close frame and waits for the client's, so that frames sent before it arrive (RFC 6455
/// section 7.1.1).
pub(super) async fn close(
    sink: &mut (impl Sink<Message> + Unpin),
    stream: &mut SplitStream<WebSocket>,
    frame: CloseFrame,
) {
    if let Ok(Ok(())) = timeout(FAREWELL, sink.send(Message::Close(Some(frame)))).await {
        read_to_end(stream).await;
    }
}

/// Reads until the socket has ended. This also answers a close frame that was received (RFC 6455
/// section 5.5.1).
async fn read_to_end(stream: &mut SplitStream<WebSocket>) {
    let read = async { while let Some(Ok(_)) = stream.next().await {} };
    // The connection ends whether or not the client answers in time.
    let _ = timeout(FAREWELL, read).await;
}

/// Reads and discards messages, and then waits for ever.
async fn discard<T>(stream: &mut SplitStream<WebSocket>) -> T {
    while let Some(Ok(_)) = stream.next().await {}
    future::pending().await
}

const PING_EVERY: Duration = Duration::from_secs(20);
const FAREWELL: Duration = Duration::from_secs(2);
const NO_PONG: u16 = 4012;
