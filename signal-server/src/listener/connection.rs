//! Serves one TCP connection: a request and its response, or an open socket.

use std::convert::Infallible;
use std::net::SocketAddr;
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
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;
use tower_service::Service;

use super::gate::Gate;
use super::linger::Lingering;
use super::permit::ConnectionPermit;
use super::traffic::Traffic;

/// Serves an admitted connection until it ends, or until the server stops and has answered it.
pub(super) async fn connection(
    gate: Arc<Gate>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    header_patience: Duration,
    router: Router,
    mut stop: watch::Receiver<()>,
) {
    // Nagle's algorithm would delay small messages such as candidates.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    bound_unsent(&stream);
    let traffic = Arc::new(Traffic::new());
    let stream = Lingering::new(stream, permit.clone(), Arc::clone(&traffic));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let is_malformed = traffic.has_bare_line_feed() || !names_its_host(&request);
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(permit.clone());
        request.extensions_mut().insert(Arc::clone(&traffic));
        let answer = router.clone().call(request);
        async move {
            let mut response = match is_malformed {
                true => StatusCode::BAD_REQUEST.into_response(),
                false => answer.await?,
            };
            // There is no keep-alive: a proxy could reuse a connection just as the header timeout
            // closes it.
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let deadline = sleep(header_patience + gate.request_patience() + LAST_BYTES);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_patience)
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
