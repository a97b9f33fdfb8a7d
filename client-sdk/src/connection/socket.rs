//! The UDP socket that webrtc-rs uses.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use rtc::stun::message::is_stun_message;
use tokio::sync::mpsc;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::relays::Allocation;
use super::sockets::Sockets;
use crate::turn::{Received, StandIn, TurnStream};

/// Sends datagrams for the stand-in address of a TURN server over a stream, and all others over
/// UDP.
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
    /// Whether there was ever a stream, since most sockets never have one.
    has_streams: AtomicBool,
    /// Wakes the receiver of datagrams when there is the first stream.
    waiting: AtomicWaker,
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
            has_streams: AtomicBool::new(false),
            waiting: AtomicWaker::new(),
            is_failing: AtomicBool::new(false),
        }
    }

    fn send_over_stream(&self, to: SocketAddr, message: &[u8]) -> io::Result<usize> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = match streams.entry(to) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (relays, broken) =
                    (self.sockets.relays.clone(), Arc::clone(&self.sockets.stream_broken));
                let allocation = self.allocation(to);
                let stream = TurnStream::open(
                    &self.sockets.turn,
                    self.local.ip(),
                    to,
                    self.receiver.clone(),
                    move || {
                        relays.broke(allocation);
                        broken.notify_one();
                    },
                );
                let stream = stream.ok_or(io::ErrorKind::AddrNotAvailable)?;
                self.has_streams.store(true, Ordering::Release);
                self.waiting.wake();
                entry.insert(stream)
            }
        };
        stream.send(message)?;
        Ok(message.len())
    }

    /// Answers a repeated INIT. If the answer is lost, the INIT is repeated once more.
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

    /// Handles the result of sending media. Media may be lost, so failures are hidden from
    /// webrtc-rs, which would log an error for each.
    fn media_sent(&self, sent: io::Result<usize>, transmit: &Transmit<'_>) -> usize {
        let length = transmit.contents.len();
        let error = match sent {
            Ok(sent) => {
                self.count(sent);
                if self.is_failing.load(Ordering::Relaxed) {
                    self.is_failing.store(false, Ordering::Relaxed);
                }
                return sent;
            }
            // Some adapters do not support segmentation offload, so the next datagrams are sent one
            // by one. A new socket tries it again.
            Err(error)
                if transmit.segment_size.is_some()
                    && error.kind() == io::ErrorKind::InvalidInput =>
            {
                tracing::debug!(from = %self.local.ip(), %error, "datagrams are lost");
                return length;
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

    /// Receives a datagram from a stream.
    fn poll_streams(&self, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        if !self.has_streams.load(Ordering::Acquire) {
            self.waiting.register(cx.waker());
            if !self.has_streams.load(Ordering::Acquire) {
                return Poll::Pending;
            }
        }
        self.received.lock().unwrap_or_else(PoisonError::into_inner).poll_recv(cx)
    }

    fn allocation(&self, server: SocketAddr) -> Allocation {
        Allocation { local: self.local, server }
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
        self.sockets.relays.sending(self.allocation(to), message);
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
            // webrtc-rs gives up a server if a request cannot be sent to it.
            return Poll::Ready(sent);
        }
        Poll::Ready(Ok(self.media_sent(sent, transmit)))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let count = match self.poll_streams(cx) {
            Poll::Ready(Some((from, message))) => {
                let length = message.len().min(bufs[0].len());
                bufs[0][..length].copy_from_slice(&message[..length]);
                meta[0] = RecvMeta::default();
                (meta[0].addr, meta[0].len, meta[0].stride) = (from, length, length);
                1
            }
            // The channel never closes, since this socket keeps a sender.
            Poll::Ready(None) | Poll::Pending => ready!(self.udp.poll_recv(cx, bufs, meta))?,
        };
        for (buf, meta) in bufs.iter_mut().zip(meta.iter()).take(count) {
            self.sockets.relays.received(self.allocation(meta.addr), &buf[..meta.len]);
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

impl Drop for Socket {
    fn drop(&mut self) {
        self.sockets.relays.forget(self.local);
    }
}

/// Whether this machine has no route to the address. Linux reports a local address that is gone as
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;

    use super::*;
    use crate::network::Network;
    use crate::turn::TurnServers;

    /// A socket on an adapter without segmentation offload, or whose address is gone.
    #[derive(Debug)]
    struct Udp {
        has_address: bool,
    }

    impl AsyncUdpSocket for Udp {
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(([192, 0, 2, 1], 1).into())
        }

        fn poll_send(&self, _: &mut Context<'_>, sent: &Transmit<'_>) -> Poll<io::Result<usize>> {
            Poll::Ready(match self.has_address && sent.segment_size.is_none() {
                true => Ok(sent.contents.len()),
                false => Err(io::ErrorKind::InvalidInput.into()),
            })
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            _: &mut [IoSliceMut<'_>],
            _: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn an_adapter_that_cuts_no_datagrams_is_not_taken_for_a_lost_path() {
        let lost_after = async |has_address, segment_sizes: &[Option<usize>]| {
            let turn = TurnServers::new(Network::new(None, &[]).unwrap());
            let sockets = Sockets::new(Arc::new(turn));
            let lost = Arc::clone(&sockets.path_lost);
            let socket =
                Socket::new(Arc::new(Udp { has_address }), ([192, 0, 2, 1], 1).into(), sockets);
            for segment_size in segment_sizes {
                let media = Transmit {
                    destination: ([192, 0, 2, 2], 2).into(),
                    ecn: None,
                    contents: &[0x80; 2400],
                    segment_size: *segment_size,
                    src_ip: None,
                };
                assert_eq!(poll_fn(|cx| socket.poll_send(cx, &media)).await.unwrap(), 2400);
            }
            lost.notified().now_or_never().is_some()
        };
        assert!(!lost_after(true, &[Some(1200), None, Some(1200)]).await);
        assert!(lost_after(false, &[Some(1200), None]).await);
    }
}
