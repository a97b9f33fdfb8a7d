//! Closes TCP connections without losing the last response, and shares threads fairly between them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy, sink};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::permit::ConnectionPermit;
use super::traffic::Traffic;

/// A stream that continues to read for a while after it is dropped.
///
/// Closing a socket while bytes arrive resets the connection. The client's system may then discard
/// unread data: the response or the close frame that says what was wrong (RFC 9112 section 9.6).
#[derive(Debug)]
pub(crate) struct Lingering {
    stream: Option<TcpStream>,
    /// The permit is held until the stream has ended.
    permit: ConnectionPermit,
    traffic: Arc<Traffic>,
    /// How many bytes have been read since this last yielded.
    read_at_once: usize,
    /// Whether the client may have something to read.
    has_written: bool,
}

impl Lingering {
    pub(crate) fn new(stream: TcpStream, permit: ConnectionPermit, traffic: Arc<Traffic>) -> Self {
        Self { stream: Some(stream), permit, traffic, read_at_once: 0, has_written: false }
    }

    /// The first byte that arrives, which stays to be read, or none at the end.
    #[cfg(feature = "tls")]
    pub(super) async fn first_byte(&mut self) -> io::Result<Option<u8>> {
        let mut first = [0];
        let peeked = self.stream().peek(&mut first).await?;
        Ok((peeked > 0).then_some(first[0]))
    }

    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("the stream is present until this is dropped"))
    }

    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.has_written = true;
        if let Poll::Ready(Ok(bytes)) = written {
            self.traffic.note_written(bytes);
        }
        written
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take().filter(|_| self.has_written) else { return };
        // There is no runtime when the process is about to exit.
        let Ok(runtime) = Handle::try_current() else { return };
        let permit = self.permit.clone();
        runtime.spawn(async move {
            let read_to_end = async {
                stream.shutdown().await?;
                copy(&mut stream, &mut sink()).await
            };
            // The stream is closed whether or not the client has ended it in time.
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
        // The runtime's budget counts reads, and a read of two kilobytes may hold hundreds of
        // frames. Without this a flooding client would occupy the thread for milliseconds at a
        // time.
        if self.read_at_once >= MOST_AT_ONCE {
            self.read_at_once = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let filled = buf.filled().len();
        let read = self.stream().poll_read(cx, buf);
        if read.is_pending() {
            self.read_at_once = 0;
        }
        if buf.filled().len() > filled {
            self.read_at_once += buf.filled().len() - filled;
            self.traffic.note_read();
        }
        read
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, buf);
        self.note(written)
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
        let written = self.stream().poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

/// The number of bytes after which other tasks run.
const MOST_AT_ONCE: usize = 16 * 1024;
/// How long a dropped stream is read.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::task::yield_now;

    use super::*;
    use crate::limits::concurrency::ConcurrencyLimit;

    #[tokio::test]
    async fn a_client_that_floods_gives_others_their_turn_and_is_read_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut flood = vec![b'a'; 3 * MOST_AT_ONCE];
        client.write_all(&flood).await.unwrap();
        while stream.peek(&mut flood).await.unwrap() < flood.len() {
            yield_now().await;
        }
        let permit = ConcurrencyLimit::new().acquire((), 1).unwrap();
        let permit = ConnectionPermit::new(permit, None);
        let mut flooded = Lingering::new(stream, permit, Arc::new(Traffic::new()));
        let mut read = 0;
        poll_fn(|cx| {
            let mut bytes = [0; 2048];
            loop {
                let mut buf = ReadBuf::new(&mut bytes);
                match Pin::new(&mut flooded).poll_read(cx, &mut buf) {
                    Poll::Ready(Ok(())) => read += buf.filled().len(),
                    Poll::Ready(Err(error)) => panic!("{error}"),
                    Poll::Pending => return Poll::Ready(()),
                }
            }
        })
        .await;
        assert_eq!(read, MOST_AT_ONCE);
        let rest = flooded.read_exact(&mut flood[read..]).await.unwrap();
        assert_eq!(rest, 2 * MOST_AT_ONCE);
    }
}
