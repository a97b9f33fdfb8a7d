//! The signaling WebSocket.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode,
};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::network::Stream;

type Socket = WebSocketStream<Stream>;

/// The request for a WebSocket (RFC 6455 section 4.1).
pub(crate) struct Handshake {
    key: String,
}

impl Handshake {
    pub(crate) fn new() -> Self {
        Self { key: generate_key() }
    }

    pub(crate) fn headers(&self) -> [(HeaderName, HeaderValue); 4] {
        let key = HeaderValue::try_from(&self.key).expect("a key is base64");
        [
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            (SEC_WEBSOCKET_KEY, key),
        ]
    }

    pub(crate) fn is_accepted(&self, answer: &HeaderMap) -> bool {
        let accepted = answer.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        accepted == Some(derive_accept_key(self.key.as_bytes()).as_bytes())
    }
}

/// A signaling connection. Frames are written by a task of their own, so that a slow server does
/// not block the participant's task.
pub(crate) struct Signaling {
    /// The address, without the token.
    url: String,
    incoming: SplitStream<Socket>,
    // Declared before `outgoing`: fields drop in order, and the writer has to be aborted before the
    // queue closes, which it would take for a request to send a close frame.
    writer: Writer,
    outgoing: mpsc::Sender<Bytes>,
    /// When the last message of the server arrived.
    heard: Instant,
    local_address: Option<IpAddr>,
}

/// The task that writes.
struct Writer {
    task: JoinHandle<()>,
    /// Whether dropping the connection keeps the seat, so that no close frame may be sent.
    keeps_seat: Arc<AtomicBool>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.keeps_seat.load(Ordering::Acquire) {
            self.task.abort();
        }
    }
}

/// Why a signaling connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ended {
    /// The WebSocket close code, if there was one.
    pub(crate) code: Option<u16>,
    pub(crate) reason: String,
}

impl Signaling {
    /// Begins after the handshake, with the bytes that were read beyond it.
    pub(crate) async fn open(url: String, stream: Stream, read: &[u8]) -> Self {
        let local_address = stream.local_address();
        // The library fills the whole buffer, 128 KiB by default, with zeros for each read.
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let socket =
            Socket::from_partially_read(stream, read.to_vec(), Role::Client, Some(config)).await;
        let (sink, incoming) = socket.split();
        let (outgoing, queue) = mpsc::channel(QUEUE_FRAMES);
        let keeps_seat = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(write(sink, queue, Arc::clone(&keeps_seat)));
        let writer = Writer { task, keeps_seat };
        Self { url, incoming, outgoing, writer, heard: Instant::now(), local_address }
    }

    /// Makes dropping the connection keep the seat, since the server sees no close frame. Only
    /// [`close`](Self::close) then gives up the seat. Without this call, dropping sends a close
    /// frame, which gives it up.
    pub(crate) fn keep_seat(&self) {
        self.writer.keeps_seat.store(true, Ordering::Release);
    }

    /// The address, without the token.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The local address of the connection.
    pub(crate) fn local_address(&self) -> Option<IpAddr> {
        self.local_address
    }

    /// Waits for the next frame. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Result<Bytes, Ended> {
        let ended = |reason: String| Ended { code: None, reason };
        loop {
            // Counted from the last message and not from this call, which is often cancelled.
            let message = match timeout_at(self.heard + SILENCE, self.incoming.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(ended(error.to_string())),
                Ok(None) => return Err(ended("the server closed the connection".into())),
                Err(_) => return Err(ended("nothing came from the server for a minute".into())),
            };
            self.heard = Instant::now();
            match message {
                Message::Text(text) => return Ok(text.into()),
                Message::Close(frame) => {
                    let code = frame.as_ref().map(|frame| u16::from(frame.code));
                    let reason =
                        frame.map_or_else(String::new, |frame| frame.reason.as_str().to_owned());
                    return Err(Ended { code, reason });
                }
                // The library answers pings. The protocol has no binary frames.
                Message::Binary(_) | Message::Frame(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    /// Queues a frame; `false` if the queue is full or the connection has ended.
    #[must_use]
    pub(crate) fn send(&self, frame: Bytes) -> bool {
        self.outgoing.try_send(frame).is_ok()
    }

    /// Writes the queued frames and a close frame, and waits for the server's close frame, two
    /// seconds at most. Returns how the connection ended; without a code if that frame did not
    /// come.
    ///
    /// A socket that is closed with unread data is reset, and frames that the server has not read
    /// yet are lost (RFC 6455 section 7.1.1).
    pub(crate) async fn close(self) -> Ended {
        let Self { mut incoming, outgoing, mut writer, .. } = self;
        writer.keeps_seat.store(false, Ordering::Release);
        drop(outgoing);
        let farewell = async {
            let reading = async {
                let mut answer = None;
                while let Some(Ok(message)) = incoming.next().await {
                    if let Message::Close(frame) = message {
                        answer = Some(frame);
                    }
                }
                answer
            };
            tokio::join!(reading, &mut writer.task).0
        };
        let answer = timeout(FAREWELL, farewell).await;
        if answer.is_err() {
            writer.task.abort();
        }
        match answer.ok().flatten() {
            Some(frame) => {
                let code = frame.as_ref().map_or(CloseCode::Status, |frame| frame.code);
                let reason = frame.map_or_else(String::new, |frame| frame.reason.to_string());
                Ended { code: Some(code.into()), reason }
            }
            None => Ended { code: None, reason: "the server has not closed the connection".into() },
        }
    }
}

/// Writes queued frames, and at the end a close frame unless the seat is kept.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut queue: mpsc::Receiver<Bytes>,
    keeps_seat: Arc<AtomicBool>,
) {
    while let Some(frame) = queue.recv().await {
        let Ok(text) = Utf8Bytes::try_from(frame) else { continue };
        if sink.send(Message::Text(text)).await.is_err() {
            return;
        }
    }
    if keeps_seat.load(Ordering::Acquire) {
        return;
    }
    let farewell = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::from_static("") };
    // If this fails, the connection is gone already.
    let _ = sink.send(Message::Close(Some(farewell))).await;
}

const READ_BUFFER: usize = 4096;
/// More than a newcomer sends at once in a room of 50.
const QUEUE_FRAMES: usize = 4096;
/// The server pings every 20 s.
const SILENCE: Duration = Duration::from_secs(60);
const FAREWELL: Duration = Duration::from_secs(2);
