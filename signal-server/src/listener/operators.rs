//! The connections of operators, who ask for metrics and health checks.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

use super::accept::accept;

/// Serves connections, each for any number of requests. One that has not sent the headers of its
/// next request after a minute is closed.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut last_failure = None;
    loop {
        let (stream, _) = accept(&listener, &mut last_failure).await;
        tokio::spawn(connection(stream, router.clone()));
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let service = service_fn(move |request| {
        let request: Request = hyper::Request::map(request, axum::body::Body::new);
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection of an operator ended with an error");
    }
}

/// As often as Prometheus asks unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::yield_now;
    use tokio::time::{advance, pause, resume};

    use super::*;

    async fn start() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Router::new().route("/", get(async || "here"))));
        TcpStream::connect(address).await.unwrap()
    }

    /// Whether the server ends the connection within minutes, without another word.
    async fn is_closed_in_time(mut connection: TcpStream) -> bool {
        let reading = tokio::spawn(async move {
            let mut rest = Vec::new();
            connection.read_to_end(&mut rest).await.unwrap();
            rest.is_empty()
        });
        for _ in 0..10_000 {
            if reading.is_finished() {
                return reading.await.unwrap();
            }
            pause();
            advance(Duration::from_secs(1)).await;
            resume();
            yield_now().await;
        }
        false
    }

    #[tokio::test]
    async fn a_connection_is_kept_from_one_request_to_the_next_and_closed_after_a_silent_minute() {
        let mut connection = start().await;
        for _ in 0..3 {
            connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut response = Vec::new();
            while !response.ends_with(b"here") {
                response.push(connection.read_u8().await.unwrap());
            }
        }
        assert!(is_closed_in_time(connection).await);
    }

    #[tokio::test]
    async fn headers_without_an_end_keep_no_connection() {
        let mut connection = start().await;
        connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        assert!(is_closed_in_time(connection).await);
    }
}
