//! Looks at the head of a request as it is read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::line_ends::LineEnds;
use super::traffic::Traffic;

/// A stream whose head is looked at before the HTTP library reads it: how its lines end, and
/// whether it is a TLS handshake instead, which is logged.
pub(super) struct HeadReader<S> {
    stream: S,
    traffic: Arc<Traffic>,
    line_ends: LineEnds,
    has_read: bool,
}

impl<S> HeadReader<S> {
    pub(super) fn new(stream: S, traffic: Arc<Traffic>) -> Self {
        Self { stream, traffic, line_ends: LineEnds::default(), has_read: false }
    }

    fn look_at(&mut self, bytes: &[u8]) {
        // The HTTP library answers 400 in plain text, by which clients recognize that the port does
        // not speak TLS.
        if !self.has_read && bytes.first() == Some(&TLS_HANDSHAKE) {
            tracing::debug!("a client speaks TLS to a port of plain HTTP");
        }
        self.has_read |= !bytes.is_empty();
        if self.line_ends.have_bare_line_feed(bytes) {
            self.traffic.note_bare_line_feed();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadReader<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = read {
            self.look_at(&buf.filled()[filled..]);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadReader<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The first byte of a record with a handshake message (RFC 8446 section 5.1). No method of HTTP
/// begins with it.
pub(super) const TLS_HANDSHAKE: u8 = 22;
