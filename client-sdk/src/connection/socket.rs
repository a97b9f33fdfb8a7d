//! A UDP socket as webrtc-rs sees it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use rtc::stun::message::is_stun_message;
use tokio::sync::mpsc;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::sockets::Sockets;
use crate::turn::{Received, StandIn, TurnStream};

/// Sends what is for the stand-in of a TURN server over a stream, and everything else over UDP.
#[derive(Debug)]
pub(super) struct Socket {
    udp: Arc<dyn AsyncUdpSocket>,
    local: SocketAddr,
    sockets: Sockets,
    /// A server tells clients apart by their addresses, so each socket has streams of its own.
    streams: Mutex<HashMap<SocketAddr, TurnStream>>,
    received: Mutex<mpsc::Receiver<Received>>,
    /// Cloned for each stream.
    receiver: mpsc::Sender<Received>,
    /// Whether the last packet of media was not sent.
    is_failing: AtomicBool,
}

impl Socket {
    pub(super) fn new(udp: Arc<dyn AsyncUdpSocket>, local: SocketAddr, sockets: Sockets) -> Self {
        let (receiver, received) = mpsc::channel(MAX_RECEIVED);
        Self {
            udp,
            local,
            sockets,
            streams: Mutex::default(),
            received: Mutex::new(received),
            receiver,
            is_failing: AtomicBool::new(false),
        }
    }

    fn send_over_stream(&self, to: SocketAddr, message: &[u8]) -> io::Result<usize> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = match streams.entry(to) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let broken = Arc::clone(&self.sockets.stream_broken);
                let stream = TurnStream::open(
                    &self.sockets.turn,
                    self.local.ip(),
                    to,
                    self.receiver.clone(),
                    move || broken.notify_one(),
                );
                entry.insert(stream.ok_or(io::ErrorKind::AddrNotAvailable)?)
            }
        };
        stream.send(message)?;
        Ok(message.len())
    }

    /// Answers an INIT that is repeated. If the answer is lost, it is repeated once more.
    fn answer_init(&self, cx: &mut Context<'_>, datagram: &mut [u8]) {
        if let Some(answer) = self.sockets.sctp_init.received(datagram)
            && answer.from == self.local
        {
            let _ = self.poll_send(
                cx,
                &Transmit {
                    destination: answer.to,
                    ecn: None,
                    contents: &answer.datagram,
                    segment_size: None,
                    src_ip: None,
                },
            );
        }
    }

    /// Handles that media was sent or not. Packets of media may be lost, so failures are kept from
    /// webrtc-rs, which would log an error for each.
    fn media_sent(&self, sent: io::Result<usize>, length: usize) -> usize {
        let error = match sent {
            Ok(sent) => {
                self.count(sent);
                if self.is_failing.load(Ordering::Relaxed) {
                    self.is_failing.store(false, Ordering::Relaxed);
                }
                return sent;
            }
            Err(error) => error,
        };
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(from = %self.local.ip(), %error, "media cannot be sent");
            if tells_of_no_path(&error) {
                self.sockets.path_lost.notify_one();
            }
        }
        length
    }

    fn count(&self, bytes: usize) {
        self.sockets.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let (to, message) = (transmit.destination, transmit.contents);
        self.sockets.relays.sending(to, message);
        for datagram in message.chunks(transmit.segment_size.unwrap_or(message.len()).max(1)) {
            self.sockets.sctp_init.sending(self.local, to, datagram);
        }
        if StandIn::of(to).is_some() {
            let sent = self.send_over_stream(to, message);
            if let (Ok(bytes), false) = (&sent, is_stun_message(message)) {
                self.count(*bytes);
            }
            return Poll::Ready(sent);
        }
        let sent = ready!(self.udp.poll_send(cx, transmit));
        if is_stun_message(message) {
            // webrtc-rs gives up a server that requests cannot be sent to.
            return Poll::Ready(sent);
        }
        Poll::Ready(Ok(self.media_sent(sent, message.len())))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = {
            let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
            received.poll_recv(cx)
        };
        let count = match received {
            Poll::Ready(Some((from, message))) => {
                let length = message.len().min(bufs[0].len());
                bufs[0][..length].copy_from_slice(&message[..length]);
                meta[0] = RecvMeta::default();
                (meta[0].addr, meta[0].len, meta[0].stride) = (from, length, length);
                1
            }
            // Never closed: a sender is kept.
            Poll::Ready(None) | Poll::Pending => ready!(self.udp.poll_recv(cx, bufs, meta))?,
        };
        for (buf, meta) in bufs.iter_mut().zip(meta.iter()).take(count) {
            self.sockets.relays.received(meta.addr, &buf[..meta.len]);
            for datagram in buf[..meta.len].chunks_mut(meta.stride.max(1)) {
                self.answer_init(cx, datagram);
            }
        }
        Poll::Ready(Ok(count))
    }

    fn max_gso_segments(&self) -> usize {
        self.udp.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.udp.max_gro_segments()
    }
}

/// Whether this machine has no way to send there; Linux tells of a local address that is gone as of
/// an invalid argument.
fn tells_of_no_path(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
    )
}

const MAX_RECEIVED: usize = 256;
