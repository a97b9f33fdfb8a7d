//! Connections to the server: TCP, an optional proxy, optional TLS, and HTTP.

mod http;
mod proxy;
mod tcp;
mod tls;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Incoming;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use url::Url;

pub(crate) use self::http::{read_body, switch_protocol};
pub(crate) use self::proxy::Proxy;
#[cfg(feature = "cli")]
pub(crate) use self::tcp::addresses;
use crate::error::{NetworkFailure, Phase, RequestError};

pub(crate) type Request = hyper::Request<Full<Bytes>>;

/// A connection, with TLS or not.
pub(crate) type Stream = Box<dyn ByteStream>;

pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {
    /// The address of this machine that it was opened from.
    fn local_address(&self) -> Option<IpAddr>;
}

/// The deadline after a duration, even if that is practically infinite.
pub(crate) fn deadline(after: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(after).unwrap_or(now + DECADES)
}

const DECADES: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Opens connections to servers; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) proxy: Option<Proxy>,
    tls: Arc<ClientConfig>,
}

impl Network {
    /// Trusts the certificates in `trusted`, in PEM, in addition to Mozilla's.
    pub(crate) fn new(proxy: Option<Proxy>, trusted: &[u8]) -> Result<Self, RequestError> {
        Ok(Self { proxy, tls: Arc::new(tls::client_config(trusted)?) })
    }

    /// Sends a request over a connection of its own, and returns the answer once its headers have
    /// arrived.
    pub(crate) async fn send(
        &self,
        url: &Url,
        request: Request,
        deadline: Instant,
    ) -> Result<Response<Incoming>, NetworkFailure> {
        let stream = self.connect(url, deadline).await?;
        within(Phase::Answering, deadline, http::exchange(stream, request)).await
    }

    async fn connect(&self, url: &Url, deadline: Instant) -> Result<Stream, NetworkFailure> {
        let stream = self.open(url, deadline).await?;
        self.secure(url, stream, deadline).await
    }

    /// Opens a connection to the host of a URL, through the proxy if there is one.
    pub(crate) async fn open(
        &self,
        url: &Url,
        deadline: Instant,
    ) -> Result<Stream, NetworkFailure> {
        match &self.proxy {
            Some(proxy) => proxy.tunnel(url, deadline).await,
            None => tcp::connect(url, deadline).await,
        }
    }

    /// Does the TLS handshake with the host of a URL if its scheme requires it.
    pub(crate) async fn secure(
        &self,
        url: &Url,
        stream: Stream,
        deadline: Instant,
    ) -> Result<Stream, NetworkFailure> {
        if !matches!(url.scheme(), "https" | "wss") {
            return Ok(stream);
        }
        within(Phase::Securing, deadline, tls::secure(&self.tls, url, stream)).await
    }
}

/// Gives up on a step at the deadline.
pub(crate) async fn within<T>(
    phase: Phase,
    deadline: Instant,
    step: impl Future<Output = Result<T, NetworkFailure>>,
) -> Result<T, NetworkFailure> {
    timeout_at(deadline, step).await.unwrap_or(Err(NetworkFailure::Timeout { phase }))
}

/// The host and port of a URL as `Host` and `CONNECT` name them. `ws` and `wss` have the ports of
/// HTTP.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_scheme() {
        for (url, named) in [
            ("wss://example.com/ws?token=x", "example.com:443"),
            ("ws://127.0.0.1:8080/ws", "127.0.0.1:8080"),
            ("ws://[::1]/ws", "[::1]:80"),
        ] {
            assert_eq!(authority(&Url::parse(url).unwrap()), named);
        }
    }
}
