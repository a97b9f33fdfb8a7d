//! The end of a TCP connection that does not take its last words with it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy, sink};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::permit::ConnectionPermit;

/// A stream that goes on reading for a while after it is dropped.
///
/// A socket that is closed while bytes come in is reset, and then the other side's system may throw away what it has
/// not read yet: the answer or the close frame that tells what was wrong with those bytes (RFC 9112 section 9.6).
#[derive(Debug)]
pub(crate) struct Lingering {
    stream: Option<TcpStream>,
    /// Given back when the stream has ended.
    permit: ConnectionPermit,
    /// Whether there is anything that the other side may have to read.
    has_written: bool,
}

impl Lingering {
    pub(crate) fn new(stream: TcpStream, permit: ConnectionPermit) -> Self {
        Self { stream: Some(stream), permit, has_written: false }
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("it is there until this is dropped"))
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take().filter(|_| self.has_written) else { return };
        // Without a runtime the process is about to end.
        let Ok(runtime) = Handle::try_current() else { return };
        let permit = self.permit.clone();
        runtime.spawn(async move {
            let read_to_end = async {
                stream.shutdown().await?;
                copy(&mut stream, &mut sink()).await
            };
            // The other side has had its chance either way.
            let _ = timeout(PATIENCE, read_to_end).await;
            drop(permit);
        });
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.has_written = true;
        self.stream().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.has_written = true;
        self.stream().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

/// For how long it reads on.
const PATIENCE: Duration = Duration::from_secs(2);
