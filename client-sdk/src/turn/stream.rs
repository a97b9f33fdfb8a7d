//! The stream to a TURN server over TCP or TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::{StandIn, TurnServer, TurnServers, framing};
use crate::network::{Network, Stream};

/// A stream to a TURN server, which a task opens, writes and reads.
///
/// Once this handle is dropped, the task writes what is queued and closes the stream.
#[derive(Debug)]
pub(crate) struct TurnStream {
    queue: mpsc::Sender<Bytes>,
    /// Whether it is or was open.
    is_opened: Arc<AtomicBool>,
}

/// A received message and its stand-in address.
pub(crate) type Received = (SocketAddr, Bytes);

impl TurnStream {
    /// Opens a stream from an address of this machine to the server with that stand-in; `None` if
    /// there is no such server. `broken` is called if the stream breaks after it was open.
    pub(crate) fn open(
        servers: &TurnServers,
        from: IpAddr,
        to: SocketAddr,
        received: mpsc::Sender<Received>,
        broken: impl FnOnce() + Send + 'static,
    ) -> Option<Self> {
        let server = servers.get(StandIn::of(to)?)?;
        let network = servers.network.clone();
        let (queue, queued) = mpsc::channel(MAX_QUEUED);
        let is_opened = Arc::new(AtomicBool::new(false));
        let handle = Self { queue, is_opened: Arc::clone(&is_opened) };
        let receiver = received.clone();
        tokio::spawn(async move {
            let stream = match open(&server, from, &network).await {
                Ok(stream) => stream,
                // The server's addresses of the other IP version belong to another socket.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return tracing::debug!(%server, %error, "a TURN server is left out");
                }
                Err(error) => {
                    return tracing::warn!(%server, %error, "cannot reach a TURN server");
                }
            };
            is_opened.store(true, Ordering::Release);
            let (reader, writer) = split(stream);
            let ended = tokio::select! {
                ended = write(writer, queued) => ended,
                ended = read(reader, to, received) => ended,
            };
            if let Err(error) = ended {
                tracing::warn!(%server, %error, "the connection to a TURN server broke");
                // A socket that is gone no longer needs the stream.
                if !receiver.is_closed() {
                    broken();
                }
            }
        });
        Some(handle)
    }

    /// Queues a message. As over UDP, messages are lost if the queue is full or the stream has
    /// broken.
    ///
    /// # Errors
    ///
    /// The stream could not be opened.
    pub(crate) fn send(&self, message: &[u8]) -> io::Result<()> {
        let sent = self.queue.try_send(Bytes::copy_from_slice(message));
        let is_closed = matches!(sent, Err(mpsc::error::TrySendError::Closed(_)));
        if is_closed && !self.is_opened.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(())
    }
}

async fn open(server: &TurnServer, from: IpAddr, network: &Network) -> io::Result<Stream> {
    let deadline = Instant::now() + PATIENCE;
    let TurnServer { host, port, is_secure } = server;
    let scheme = if *is_secure { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{host}:{port}")).map_err(io::Error::other)?;
    let tcp = match &network.proxy {
        Some(proxy) => proxy.tunnel(&url, deadline).await.map_err(io::Error::other)?,
        None => timeout_at(deadline, connect(server, from, deadline)).await??,
    };
    network.secure(&url, tcp, deadline).await.map_err(io::Error::other)
}

/// Tries the addresses of the server one after the other. Each gets an equal share of the time that
/// is left.
async fn connect(server: &TurnServer, from: IpAddr, deadline: Instant) -> io::Result<Stream> {
    let TurnServer { host, port, .. } = server;
    let addresses = lookup_host(format!("{host}:{port}")).await?;
    let addresses: Vec<SocketAddr> =
        addresses.filter(|address| address.is_ipv4() == from.is_ipv4()).collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address of that family");
    for (tried, address) in addresses.iter().enumerate() {
        let socket = if from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind((from, 0).into())?;
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        let connected = timeout(share, socket.connect(*address)).await;
        match connected.map_err(io::Error::from).flatten() {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(Box::new(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Writes until the handle is dropped.
async fn write(mut writer: WriteHalf<Stream>, mut queue: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let (mut messages, mut bytes) = (Vec::new(), BytesMut::new());
    while queue.recv_many(&mut messages, MAX_QUEUED).await > 0 {
        messages.drain(..).for_each(|message| framing::write(&message, &mut bytes));
        timeout(PATIENCE, async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        })
        .await??;
        bytes.clear();
    }
    // The server may have closed it first.
    let _ = timeout(PATIENCE, writer.shutdown()).await;
    Ok(())
}

async fn read(
    mut reader: ReadHalf<Stream>,
    from: SocketAddr,
    received: mpsc::Sender<Received>,
) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    loop {
        while let Some(message) = framing::read(&mut bytes).map_err(io::Error::other)? {
            if received.send((from, message)).await.is_err() {
                // The reader is gone, but the queued messages still have to be written.
                return std::future::pending().await;
            }
        }
        if reader.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Some hundred kilobytes of media.
const MAX_QUEUED: usize = 256;
/// webrtc-rs gives up on a TURN server after almost 8 s.
const PATIENCE: Duration = Duration::from_secs(7);
