//! Accepts connections within the limits and has them served.

use std::future::{self, Future};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::connection::Connections;
use crate::supervision::Supervisor;

/// Serves connections until `stopped` completes, in a supervised task. Then it gives pending
/// requests two seconds to finish.
///
/// Open signaling sockets do not delay it.
pub(crate) async fn serve(
    connections: &Connections,
    supervisor: &Supervisor,
    what: &'static str,
    listener: TcpListener,
    stopped: impl Future<Output = ()>,
) {
    let (stop, _) = watch::channel(());
    let accept_all = async || {
        let mut last_failure = None;
        loop {
            let (stream, peer) = accept(&listener, &mut last_failure).await;
            if let Some(admitted) = connections.gate.admit(peer) {
                tokio::spawn(connections.clone().serve(stream, admitted, stop.subscribe()));
            }
        }
    };
    let accepting = supervisor.run::<(), _>(what, accept_all);
    tokio::select! {
        // Nothing more is accepted; `Server::failed` reports this.
        () = async { accepting.await; future::pending().await } => {}
        () = stopped => {}
    }
    drop(listener);
    stop.send_replace(());
    // Requests that are still pending are dropped.
    let _ = timeout(LAST_REQUESTS, stop.closed()).await;
}

/// Accepts the next connection. If one connection failed, the next one is accepted at once. If the
/// process has no file descriptors left, it waits before it tries again. The log says once when
/// this begins and once when it is over.
pub(super) async fn accept(
    listener: &TcpListener,
    last_failure: &mut Option<Instant>,
) -> (TcpStream, SocketAddr) {
    loop {
        let error = match listener.accept().await {
            Ok(accepted) => {
                if last_failure.is_some_and(|last| last.elapsed() >= FAILURES_OVER) {
                    tracing::info!("accepting connections again");
                    *last_failure = None;
                }
                return accepted;
            }
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset => {}
            _ => {
                if last_failure.replace(Instant::now()).is_none() {
                    tracing::error!(
                        %error,
                        "cannot accept connections; new ones wait until files are closed; raise \
                         the limit of open files (ulimit -n) above --max-connections"
                    );
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

const LAST_REQUESTS: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How long accepting has to work before the log reports that it works again. Waiting connections
/// may take the descriptors that became free.
const FAILURES_OVER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::yield_now;
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;
    use crate::client_address::{ForwardedHeader, TrustedProxies};
    use crate::limits::Limits;
    use crate::limits::counters::LimitCounters;
    use crate::listener::gate::Gate;
    use crate::listener::transport::Transport;
    use crate::metrics::Metrics;

    /// A server with these limits that answers with so many bytes.
    async fn start(limits: Limits, bytes: usize) -> (Arc<Gate>, SocketAddr, Supervisor) {
        let proxies = TrustedProxies::new(Vec::new(), ForwardedHeader::default());
        let counters = Arc::new(LimitCounters::new(Metrics::new()));
        let gate = Arc::new(Gate::new(&limits, proxies, counters));
        let router = Router::new().route("/", get(async move || vec![b'x'; bytes]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let supervisor = Supervisor::new();
        tokio::spawn({
            let connections =
                Connections { gate: Arc::clone(&gate), transport: Transport::Plain, router };
            let supervisor = supervisor.clone();
            async move {
                let stopped = future::pending();
                serve(&connections, &supervisor, "the listener", listener, stopped).await;
            }
        });
        (gate, address, supervisor)
    }

    async fn until_open(gate: &Gate, connections: u32) {
        let reached = async {
            while gate.connections() != connections {
                yield_now().await;
            }
        };
        timeout(PATIENCE, reached).await.expect("the count is reached");
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_its_response_keeps_no_connection() {
        let limits = Limits { request_patience: Duration::from_millis(100), ..Limits::default() };
        // More than the system takes on its way.
        let (gate, address, _) = start(limits, 64 * 1024 * 1024).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        until_open(&gate, 1).await;
        until_open(&gate, 0).await;
    }

    /// Panics at each warning, as a log of the application's may.
    struct PanicsAtWarnings;

    impl Subscriber for PanicsAtWarnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::WARN
        }

        fn event(&self, _: &Event<'_>) {
            panic!("a bug of the log's")
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[tokio::test]
    async fn a_listener_that_panics_goes_on_and_one_that_panics_twice_has_failed() {
        let _log = tracing::subscriber::set_default(PanicsAtWarnings);
        let limits = Limits { connections: 1, ..Limits::default() };
        let (gate, address, supervisor) = start(limits, 10).await;
        // The refusal of one more is logged.
        let refused = async || {
            let mut refused = TcpStream::connect(address).await.unwrap();
            let closed = timeout(PATIENCE, refused.read_to_end(&mut Vec::new())).await;
            assert_eq!(closed.expect("it is closed").unwrap_or(0), 0);
        };
        let first = TcpStream::connect(address).await.unwrap();
        until_open(&gate, 1).await;
        refused().await;
        assert!(!supervisor.has_failed());

        drop(first);
        until_open(&gate, 0).await;
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        let mut response = String::new();
        second.read_to_string(&mut response).await.unwrap();
        assert!(response.ends_with("xxxxxxxxxx"), "{response}");
        drop(second);
        until_open(&gate, 0).await;

        let _third = TcpStream::connect(address).await.unwrap();
        until_open(&gate, 1).await;
        // Until then it is logged no more than once.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::time::resume();
        refused().await;
        let failed = timeout(PATIENCE, supervisor.failed()).await;
        assert_eq!(failed.expect("it has failed"), "the listener");
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const PATIENCE: Duration = Duration::from_secs(60);
}
