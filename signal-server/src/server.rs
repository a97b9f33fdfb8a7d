//! The server as a library: built of settings, used as a router or run on a listener.

pub(crate) mod builder;
pub(crate) mod handle;
mod router;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;

use self::builder::Builder;
use self::handle::ServerHandle;
use crate::app::App;
use crate::auth::identity::Identity;
use crate::http::probes;
use crate::listener::accept;

/// A signaling server with its rooms.
///
/// Its rooms end with it; routers made of it keep it alive.
#[derive(Clone)]
pub struct Server {
    app: Arc<App>,
}

impl Server {
    /// Starts from the login whose access tokens are believed: a [`Secret`] that they are signed with (HS256), or an
    /// [`Identity`] with public keys or an identity provider.
    ///
    /// By default the server's own keys are random, so that the tokens it hands out end with the process; there are
    /// no ICE servers; no web page of another origin may use it.
    pub fn builder(identity: impl Into<Identity>) -> Builder {
        Builder::new(identity.into())
    }

    /// The routes, to merge or nest into an application of one's own: `/api/webrtc/…` and `/ws/webrtc/…`, and nothing
    /// else. Other paths stay the application's; probes are in [`admin_router`](Self::admin_router), descriptions of the
    /// API in [`documents_router`](Self::documents_router).
    ///
    /// Nested under a prefix the whole API is there: clients take `https://example.com/prefix` for their server.
    ///
    /// The limits for addresses hold where that application is served with
    /// [`into_make_service_with_connect_info::<SocketAddr>`](Router::into_make_service_with_connect_info); without,
    /// nothing is counted by address, wrong passwords neither. Those of TCP connections and headers hold with
    /// [`serve`](Self::serve) only.
    ///
    /// Where the application has a CORS layer of its own, keep these routes out of it: they have one, for the
    /// [origins](Builder::origins) they know.
    pub fn router(&self) -> Router {
        router::guarded(&self.app, router::api(&self.app)).reset_fallback()
    }

    /// What describes the API to programs: `/openapi.json` and `/asyncapi.json`. They are the same for every server.
    pub fn documents_router(&self) -> Router {
        router::documents().with_state(Arc::clone(&self.app))
    }

    /// The routes for operators alone: `/metrics` for Prometheus, and the probes.
    pub fn admin_router(&self) -> Router {
        probes::routes().with_state(Arc::clone(&self.app))
    }

    /// Serves the routes, their documents and the probes until `shutdown` completes, then [drains](Self::drain), accepts
    /// nothing more, and gives requests under way two seconds to end. It takes 21 s at most.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let stopped = async {
            shutdown.await;
            self.drain().await;
        };
        let routes = router::api(&self.app).merge(router::documents()).merge(probes::probes());
        let router = router::guarded(&self.app, routes);
        accept::serve(&self.app.gate, listener, router, stopped).await;
        if let Some(writer) = &self.app.writer {
            // A disk that hangs does not keep it from ending: nothing was answered that is not saved.
            let _ = timeout(LAST_WRITES, writer.flush()).await;
        }
    }

    /// Takes nobody in any more and sends everybody away, in waves and within 14 s: v2 participants keep their seats, are
    /// told when to come back, and resume at the server that opens the same [data directory](Builder::open) next.
    ///
    /// Whoever comes meanwhile is answered 503 or close code 4001. There is no way back.
    pub async fn drain(&self) {
        self.app.drain.run(&self.app.rooms.shards).await;
    }

    /// What looks into the rooms and ends them, for the code around the server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(&self.app)
    }

    /// Makes an access token, as the deployment's login would; `None` where that has a key which this server has not.
    #[must_use]
    pub fn access_token(
        &self,
        subject: &str,
        name: Option<&str>,
        lifetime: Duration,
    ) -> Option<String> {
        self.app.access.identity.mint(subject, name, lifetime)
    }
}

/// How long the server waits for the last writes when it stops.
const LAST_WRITES: Duration = Duration::from_secs(5);
