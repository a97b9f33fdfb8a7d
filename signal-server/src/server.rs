//! The server as a library: built of settings, used as a router or run on a listener.

pub(crate) mod handle;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post};
use ipnet::IpNet;
use signal_core::{HubConfig, Status};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::app::App;
use crate::auth::identity::Identity;
use crate::auth::origin::Origins;
use crate::auth::secret::Secret;
use crate::auth::ws_token::WsTokens;
use crate::client_address::{ForwardedHeader, TrustedProxies};
use crate::clock::Clock;
use crate::documents::{asyncapi, openapi};
use crate::http::error::ApiError;
use crate::http::{self, language, probes, rooms};
use crate::ice::configured::ConfiguredServers;
use crate::ice::{Ice, IceServerSource, Source};
use crate::limits::quota::{Occupancy, Quota};
use crate::limits::{Limits, Refusals};
use crate::listener::accept;
use crate::metrics::Metrics;
use crate::rooms::public_url::PublicUrl;
use crate::server::handle::ServerHandle;
use crate::shard::drain::Drain;
use crate::shard::{Common, Shards};
use crate::socket::upgrade;
use crate::store::{self, DataDir, DataDirError, RoomStore, StoreError, Writer};

/// A signaling server with its rooms.
///
/// Its rooms end with it; routers made of it keep it alive.
#[derive(Clone)]
pub struct Server {
    app: Arc<App>,
}

/// What a [`Server`] is made of; see [`Server::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    identity: Identity,
    server_secret: Option<Secret>,
    configured_servers: ConfiguredServers,
    ice_servers: Option<Source>,
    origins: Origins,
    public_url: Option<PublicUrl>,
    proxies: TrustedProxies,
    limits: Limits,
    hub: HubConfig,
    shards: usize,
}

impl Server {
    /// Starts from the login whose access tokens are believed: a [`Secret`] that they are signed with (HS256), or an
    /// [`Identity`] with public keys or an identity provider.
    ///
    /// By default the server's own keys are random, so that the tokens it hands out end with the process; there are
    /// no ICE servers; no web page of another origin may use it.
    pub fn builder(identity: impl Into<Identity>) -> Builder {
        Builder {
            identity: identity.into(),
            server_secret: None,
            configured_servers: ConfiguredServers::default(),
            ice_servers: None,
            origins: Origins::default(),
            public_url: None,
            proxies: TrustedProxies::new(Vec::new(), ForwardedHeader::default()),
            limits: Limits::default(),
            hub: HubConfig::default(),
            shards: available_parallelism().map_or(1, usize::from),
        }
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
        self.guarded(self.api()).reset_fallback()
    }

    /// What describes the API to programs: `/openapi.json` and `/asyncapi.json`. They are the same for every server.
    pub fn documents_router(&self) -> Router {
        Self::documents().with_state(Arc::clone(&self.app))
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
        let router = self.guarded(self.api().merge(Self::documents()).merge(probes::probes()));
        accept::serve(&self.app, listener, router, stopped).await;
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
        self.app.drain.run(&self.app.shards).await;
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
        self.app.identity.mint(subject, name, lifetime)
    }

    fn guarded(&self, routes: Router<Arc<App>>) -> Router {
        routes
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(DefaultBodyLimit::max(self.app.limits.body_bytes))
            .layer(from_fn_with_state(Arc::clone(&self.app), http::deadline))
            .layer(self.app.origins.cors_layer())
            .layer(from_fn(http::security_headers))
            .with_state(Arc::clone(&self.app))
    }

    fn api(&self) -> Router<Arc<App>> {
        Router::new()
            .route("/api/webrtc/rooms", get(rooms::list).post(rooms::create))
            .route(
                "/api/webrtc/rooms/{room_id}",
                get(rooms::show).patch(rooms::change).delete(rooms::close),
            )
            .route("/api/webrtc/rooms/{room_id}/join", post(rooms::join))
            .route("/api/webrtc/rooms/{room_id}/ice-servers", post(rooms::ice_servers))
            .route("/api/webrtc/rooms/{room_id}/participants/{participant_id}", delete(rooms::kick))
            .route("/ws/webrtc/rooms/{room_id}", get(upgrade::open))
            .route_layer(from_fn_with_state(Arc::clone(&self.app), http::measure))
    }

    fn documents() -> Router<Arc<App>> {
        openapi::routes().route("/asyncapi.json", get(asyncapi::asyncapi))
    }
}

impl Builder {
    /// The secret that the server's own keys are derived from: give it to keep tokens valid over a restart, unless a
    /// [data directory](Self::open) keeps one.
    pub fn server_secret(mut self, secret: Secret) -> Self {
        self.server_secret = Some(secret);
        self
    }

    /// TURN servers that share this secret (coturn's `static-auth-secret`), as URLs like `turn:host:3478`.
    pub fn turn(mut self, secret: Secret, urls: impl IntoIterator<Item = String>) -> Self {
        self.configured_servers.turn_secret = Some(secret);
        self.configured_servers.turn_urls = urls.into_iter().collect();
        self
    }

    /// STUN servers, as URLs like `stun:host:3478`.
    pub fn stun(mut self, urls: impl IntoIterator<Item = String>) -> Self {
        self.configured_servers.stun_urls = urls.into_iter().collect();
        self
    }

    /// Who decides which ICE servers a participant is told of, in place of [`turn`](Self::turn) and [`stun`](Self::stun),
    /// which it is told of where that fails.
    pub fn ice_servers(mut self, source: impl IceServerSource) -> Self {
        self.ice_servers = Some(Source::new(source));
        self
    }

    /// The web pages that may use the server.
    pub fn origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// Where people join; without it there are no links to open rooms with.
    pub fn public_url(mut self, url: PublicUrl) -> Self {
        self.public_url = Some(url);
        self
    }

    /// The proxies that clients come through, whose word is taken for where they come from: by default there is none.
    pub fn trusted_proxies(
        mut self,
        networks: impl IntoIterator<Item = IpNet>,
        header: ForwardedHeader,
    ) -> Self {
        self.proxies = TrustedProxies::new(networks.into_iter().collect(), header);
        self
    }

    /// How much each address and user may ask of it.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The limits of what participants send.
    pub fn hub(mut self, config: HubConfig) -> Self {
        self.hub = config;
        self
    }

    /// Over how many locks the rooms are spread: by default one for each core.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Builds the server and starts its timers; its rooms end with it.
    ///
    /// # Panics
    ///
    /// When it is called outside a tokio runtime.
    #[must_use]
    pub fn build(mut self) -> Server {
        let server_secret = self.server_secret.take().unwrap_or_else(Secret::random);
        self.assemble(&server_secret, None, Metrics::new())
    }

    /// Builds the server on a data directory, so that rooms outlive it: what was answered is on disk. Participants that
    /// were in a room when an earlier server ended, in whichever way, may resume for a minute.
    ///
    /// The directory is made if it is not there, and is for one server at a time. Unless a server secret was given, one
    /// is kept in it.
    ///
    /// # Errors
    ///
    /// The directory is in use, cannot be read or written, or has files that are damaged or of a newer version.
    ///
    /// # Panics
    ///
    /// When it is called outside a tokio runtime.
    pub fn open(mut self, data_dir: impl AsRef<Path>) -> Result<Server, DataDirError> {
        let DataDir { file, secret } = DataDir::open(data_dir.as_ref(), self.server_secret.take())?;
        let path = file.path().to_owned();
        self.open_store(file, &secret).map_err(|error| DataDirError::of_file(&path, error))
    }

    /// Builds the server on a room store of one's own, so that rooms outlive it as with [`open`](Self::open).
    ///
    /// Keep the server secret, which goes before [one given earlier](Self::server_secret), as long as the rooms: with
    /// another one their passwords would not be known again, nor tokens.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or has records that are damaged or of a newer version.
    ///
    /// # Panics
    ///
    /// When it is called outside a tokio runtime.
    pub fn open_store<S: RoomStore>(
        self,
        mut store: S,
        server_secret: &Secret,
    ) -> Result<Server, StoreError<S::Error>> {
        let rooms = store::rooms(&mut store)?;
        let metrics = Metrics::new();
        let writer = Writer::start(store, metrics.clone()).map_err(StoreError::Thread)?;
        let grace = RESTART_GRACE.max(self.hub.resume_grace);
        let server = self.assemble(server_secret, Some(writer), metrics);
        tracing::info!(rooms = rooms.len(), "rooms read");
        for room in rooms {
            // Those there are stay, however many.
            let is_open = room.status() == Status::Open;
            let creator = || server.app.open_rooms.enter(room.creator().to_owned(), u32::MAX);
            let place = if is_open { creator() } else { None };
            server.app.shards.restore(room, place, grace);
        }
        Ok(server)
    }

    fn assemble(self, server_secret: &Secret, writer: Option<Writer>, metrics: Metrics) -> Server {
        let clock = Clock::start();
        let limits = self.limits;
        let ice = Ice::new(self.ice_servers, self.configured_servers, limits.request_patience);
        let refusals = Arc::new(Refusals::new(metrics.clone()));
        let common = Common {
            ice: ice.clone(),
            refusals: Arc::clone(&refusals),
            metrics: metrics.clone(),
            clock,
        };
        let shards = Shards::new(self.shards, &self.hub, writer.as_ref(), &common);
        let app = App {
            identity: self.identity.in_time(limits.request_patience),
            ws_tokens: WsTokens::new(server_secret),
            ice,
            origins: self.origins,
            public_url: self.public_url,
            proxies: self.proxies,
            refusals,
            metrics,
            connections: Occupancy::new(),
            peers: Occupancy::new(),
            sockets: Occupancy::new(),
            open_rooms: Occupancy::new(),
            creates: Quota::new(limits.creates_per_minute, MINUTE),
            changes: Quota::new(limits.changes_per_minute, MINUTE),
            joins: Quota::new(limits.joins_per_minute, MINUTE),
            failed_joins: Quota::new(limits.failed_joins, FAILURES_KEPT),
            ice_requests: Quota::new(limits.joins_per_minute, MINUTE),
            limits,
            timers: shards.start_timers(),
            shards,
            clock,
            drain: Drain::new(),
            writer,
            password_key: server_secret.derive("room-password"),
        };
        Server { app: Arc::new(app) }
    }
}

async fn not_found(headers: HeaderMap) -> Response {
    ApiError::NotFound.into_response(language::preferred(&headers))
}

async fn method_not_allowed(headers: HeaderMap) -> Response {
    ApiError::MethodNotAllowed.into_response(language::preferred(&headers))
}

const MINUTE: Duration = Duration::from_secs(60);
/// For how long an address's wrong guesses count.
const FAILURES_KEPT: Duration = Duration::from_secs(30 * 60);
/// How long those wait for who has to find the server again first.
const RESTART_GRACE: Duration = Duration::from_secs(60);
const LAST_WRITES: Duration = Duration::from_secs(5);
