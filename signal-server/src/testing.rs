//! A server for tests. It listens on a free port of this machine and needs no configuration.
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

/// A running server. It ends when this value is dropped.
pub struct TestServer {
    server: Server,
    address: SocketAddr,
    // Dropping the sender ends the server.
    _stop: oneshot::Sender<()>,
}

/// Starts a server for participants on one machine. It has no ICE servers, which are not needed
/// there, and [generous limits](Limits::generous), since all participants have the same address.
///
/// # Errors
///
/// No port is free.
pub async fn start() -> io::Result<TestServer> {
    let builder = Server::builder(Secret::random()).limits(Limits::generous());
    start_with(builder.expect("generous limits let everything through")).await
}

/// Starts a server with your own settings.
///
/// # Errors
///
/// No port is free.
pub async fn start_with(builder: Builder) -> io::Result<TestServer> {
    serve(builder.build()).await
}

/// Starts a server that is already built, for example on a [data directory](Builder::open).
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

    /// Returns the server's URL, like `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes an access token for a user, valid for an hour.
    ///
    /// # Panics
    ///
    /// Panics if the server has no key to sign the tokens of its login.
    #[must_use]
    pub fn access_token(&self, subject: &str) -> String {
        let token = self.server.access_token(subject, Some(subject), Duration::from_secs(3600));
        token.expect("the login of this test server is a shared secret")
    }
}
