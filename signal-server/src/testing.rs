//! A server for tests: real sockets on a free port of this machine, and no configuration.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let server = signal_server::testing::start().await?;
//! println!("create rooms at {} with {}", server.url(), server.access_token("alice"));
//! # Ok(())
//! # }
//! ```

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::{Builder, Limits, Secret, Server};

/// A server that runs until this is dropped.
pub struct TestServer {
    server: Server,
    address: SocketAddr,
    // Dropping it ends the server.
    _stop: oneshot::Sender<()>,
}

/// Starts a server without ICE servers, which is all that participants on one machine need, and with
/// [generous limits](Limits::generous), since all of them have one address.
///
/// # Errors
///
/// No port is free.
pub async fn start() -> io::Result<TestServer> {
    start_with(Server::builder(Secret::random()).limits(Limits::generous())).await
}

/// Starts a server with settings of one's own.
///
/// # Errors
///
/// No port is free.
pub async fn start_with(builder: Builder) -> io::Result<TestServer> {
    serve(builder.build()).await
}

/// Starts a server that is built already, on a [data directory](Builder::open) for example.
///
/// # Errors
///
/// No port is free.
pub async fn serve(server: Server) -> io::Result<TestServer> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = server.clone();
    tokio::spawn(async move {
        let shutdown = async {
            let _ = stopped.await;
        };
        serving.serve(listener, shutdown).await;
    });
    Ok(TestServer { server, address, _stop: stop })
}

impl TestServer {
    /// The server itself.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Where it listens, like `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An access token for a user of that name, valid for an hour.
    ///
    /// # Panics
    ///
    /// When the server was started with a login that only others can make tokens of.
    #[must_use]
    pub fn access_token(&self, subject: &str) -> String {
        let token = self.server.access_token(subject, Some(subject), Duration::from_secs(3600));
        token.expect("the login of a test server is a secret unless a test has asked for another")
    }
}
