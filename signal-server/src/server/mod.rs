//! The server as a library: built from settings, then used as a router or run on a listener.

pub(crate) mod builder;
pub(crate) mod handle;
mod router;
mod shared_parts;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
#[cfg(feature = "page")]
use axum::http::HeaderValue;
use tokio::net::TcpListener;

use self::builder::Builder;
use self::handle::ServerHandle;
use crate::app::App;
use crate::auth::login::Login;
use crate::http::probes;
use crate::listener::accept;
use crate::listener::connection::Connections;
use crate::listener::transport::Transport;
#[cfg(feature = "page")]
use crate::page::{self, Page};

/// A signaling server and its rooms.
///
/// Its rooms end when it is dropped; a router made from it keeps it alive.
#[derive(Clone)]
pub struct Server {
    app: Arc<App>,
    transport: Transport,
    #[cfg(feature = "page")]
    page: Option<Page>,
    #[cfg(feature = "page")]
    frame_ancestors: Vec<HeaderValue>,
}

impl Server {
    /// Starts a builder with the login whose access tokens the server accepts: the
    /// [`Secret`](crate::Secret) that signs them (HS256), or a [`Login`] with public keys or an
    /// identity provider.
    ///
    /// By default the server's own keys are random, so the tokens that it issues are valid until
    /// the process ends. There are no ICE servers, and pages of other origins may not use the
    /// server.
    pub fn builder(login: impl Into<Login>) -> Builder {
        Builder::new(login.into())
    }

    /// The routes `/api/webrtc/…` and `/ws/webrtc/…`, to merge or nest into your own application.
    /// Other paths remain the application's. The probes are in
    /// [`admin_router`](Self::admin_router), the descriptions of the API in
    /// [`documents_router`](Self::documents_router).
    ///
    /// The router can be nested under a prefix; clients then use `https://example.com/prefix` as
    /// the address of their server.
    ///
    /// Limits per client address need an application that is served with
    /// [`Router::into_make_service_with_connect_info`].
    /// Without it nothing is counted per address, not even wrong passwords. The limits on TCP
    /// connections and headers apply with [`serve`](Self::serve) only.
    ///
    /// If the application has its own CORS layer, do not apply it to these routes: they have one
    /// for the [configured origins](Builder::origins).
    pub fn router(&self) -> Router {
        router::guarded(&self.app, router::api(&self.app)).reset_fallback()
    }

    /// The machine-readable descriptions of the API, `/openapi.json` and `/asyncapi.json`. They are
    /// the same for every server.
    #[cfg(feature = "documents")]
    pub fn documents_router(&self) -> Router {
        router::documents().with_state(Arc::clone(&self.app))
    }

    /// The routes for operators only: `/metrics` for Prometheus, the probes, and with an
    /// [admin key](Builder::admin_key) `/admin/…` to manage rooms.
    pub fn admin_router(&self) -> Router {
        let routes = probes::routes().merge(router::management(&self.app));
        router::for_operators(&self.app, routes)
    }

    /// Serves the routes, their documents, the probes, and the page if there is one, until
    /// `shutdown` completes: over TLS with `Builder::tls`, or else over plain HTTP. Then it
    /// [drains](Self::drain), stops accepting connections, and gives pending requests two seconds
    /// to finish. The shutdown takes at most 21 s.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let stopped = async {
            shutdown.await;
            self.app.drain.run(&self.app.rooms.shards).await;
        };
        let routes = router::api(&self.app).merge(router::documents()).merge(probes::probes());
        #[cfg(feature = "page")]
        let routes = match self.page.clone() {
            Some(page) => routes.merge(page::routes(page, &self.frame_ancestors)),
            None => routes,
        };
        let router = router::guarded(&self.app, routes);
        let (gate, transport) = (Arc::clone(&self.app.gate), self.transport.clone());
        let connections = Connections { gate, transport, router };
        let supervisor = &self.app.supervisor;
        accept::serve(&connections, supervisor, "the listener", listener, stopped).await;
        self.app.flush().await;
    }

    /// Stops admitting participants and disconnects all of them, in waves and within 14 s. v2
    /// participants keep their seats, learn when to reconnect, and resume at the server that opens
    /// the same [data directory](Builder::open) next. Then the last changes are saved, which may
    /// take up to 5 s.
    ///
    /// From then on, new requests get 503, and new sockets are closed with the code 4001. Draining
    /// cannot be undone.
    pub async fn drain(&self) {
        self.app.drain().await;
    }

    /// Completes when a part of the server has failed for good: the timer of its rooms, the thread
    /// that saves them, the listener or the sender of webhooks has panicked twice within a minute.
    /// Returns which part. End the process then, so that it is restarted; until then `/readyz`
    /// returns 503.
    ///
    /// A single panic is logged, and the server goes on.
    pub async fn failed(&self) -> &'static str {
        self.app.supervisor.failed().await
    }

    /// A handle with which the application inspects, creates and closes rooms.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(&self.app)
    }

    /// Makes an access token as the deployment's login would. Returns `None` if the server does not
    /// have the login's signing key.
    #[must_use]
    pub fn access_token(
        &self,
        subject: &str,
        name: Option<&str>,
        lifetime: Duration,
    ) -> Option<String> {
        self.app.access.login.mint(subject, name, lifetime)
    }
}
