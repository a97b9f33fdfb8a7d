//! Serves one TCP connection: a request and its response, or an open socket.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONNECTION, HOST};
use axum::http::{HeaderValue, StatusCode, Version};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
#[cfg(feature = "tls")]
use tokio::time::timeout_at;
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use super::gate::{Admitted, Gate};
use super::head::HeadReader;
use super::linger::Lingering;
#[cfg(feature = "tls")]
use super::tls::HandshakeFailure;
use super::traffic::Traffic;
use super::transport::Transport;

/// What all connections of a listener share.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) gate: Arc<Gate>,
    pub(crate) transport: Transport,
    pub(crate) router: Router,
}

impl Connections {
    /// Serves a connection until it ends, or until `stop` changes and its request is answered.
    pub(super) async fn serve(
        self,
        stream: TcpStream,
        admitted: Admitted,
        stop: watch::Receiver<()>,
    ) {
        let headers_due = Instant::now() + admitted.header_patience;
        // Nagle's algorithm would delay small messages such as candidates.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        bound_unsent(&stream);
        let traffic = Arc::new(Traffic::new());
        let stream = Lingering::new(stream, admitted.permit.clone(), Arc::clone(&traffic));
        let Self { gate, transport, router } = self;
        let exchange = Exchange { gate, router, admitted, traffic, headers_due };
        match transport {
            Transport::Plain => exchange.serve(stream, stop).await,
            #[cfg(feature = "tls")]
            Transport::Tls { tls, metrics } => {
                let mut stopped = stop.clone();
                let shaken = tokio::select! {
                    shaken = timeout_at(headers_due, tls.accept(stream)) => shaken,
                    _ = stopped.changed() => return,
                };
                match shaken {
                    Ok(Ok(stream)) => exchange.serve(stream, stop).await,
                    Ok(Err(failure)) => metrics.failed_handshake(failure.reason()),
                    Err(_) => {
                        exchange.gate.count_header_timeout();
                        metrics.failed_handshake(HandshakeFailure::Late.reason());
                    }
                }
            }
        }
    }
}

/// A request and its response, over plain TCP or TLS.
struct Exchange {
    gate: Arc<Gate>,
    router: Router,
    admitted: Admitted,
    traffic: Arc<Traffic>,
    /// When the headers of the request have to be complete.
    headers_due: Instant,
}

impl Exchange {
    async fn serve<S>(self, stream: S, mut stop: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { gate, router, admitted, traffic, .. } = self;
        let Admitted { peer, permit, body_patience, .. } = admitted;
        let stream = HeadReader::new(stream, Arc::clone(&traffic));
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let is_malformed = traffic.has_bare_line_feed() || !names_its_host(&request);
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(permit.clone());
            request.extensions_mut().insert(body_patience);
            request.extensions_mut().insert(Arc::clone(&traffic));
            let answer = router.clone().call(request);
            async move {
                let mut response = match is_malformed {
                    true => StatusCode::BAD_REQUEST.into_response(),
                    false => answer.await?,
                };
                // There is no keep-alive: a proxy could reuse a connection just as the header
                // timeout closes it.
                if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let deadline = sleep_until(self.headers_due + gate.request_patience() + LAST_BYTES);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.headers_due.saturating_duration_since(Instant::now()))
            .max_headers(MOST_HEADERS)
            .max_buf_size(MOST_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let served = async {
            tokio::select! {
                served = &mut connection => served,
                _ = stop.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        let served = tokio::select! {
            served = served => served,
            // An open socket no longer belongs to this connection.
            () = deadline => return gate.count_request_timeout(),
        };
        match served {
            Err(error) if error.is_timeout() => gate.count_header_timeout(),
            Err(error) => tracing::debug!(%error, "a connection ended with an error"),
            Ok(()) => {}
        }
    }
}

/// Whether a request has one `Host`, as HTTP/1.1 demands (RFC 9112 section 3.2).
fn names_its_host<T>(request: &hyper::Request<T>) -> bool {
    let hosts = request.headers().get_all(HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() != Version::HTTP_11)
}

/// Bounds the bytes that the system buffers beyond what it can send, so that frames for a slow
/// reader wait in its outbox, where they are counted. Bytes in flight stay unbounded, since a
/// smaller send buffer would slow down long paths.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn bound_unsent(stream: &TcpStream) {
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(MOST_NOT_SENT) {
        tracing::debug!(%error, "cannot set TCP_NOTSENT_LOWAT");
    }
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn bound_unsent(_: &TcpStream) {}

#[cfg(any(target_os = "android", target_os = "linux"))]
const MOST_NOT_SENT: u32 = 64 * 1024;
/// How long a client may take to read a response that is sent when the time of its request is over.
const LAST_BYTES: Duration = Duration::from_secs(1);
const MOST_HEADERS: usize = 64;
/// The limit on the headers of a request, including its first line.
const MOST_HEADER_BYTES: usize = 16 * 1024;
