//! What a server is made of.

use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use ipnet::IpNet;
use signal_core::{HubConfig, Status};

use super::Server;
use crate::app::App;
use crate::auth::identity::Identity;
use crate::auth::origin::Origins;
use crate::auth::secret::Secret;
use crate::auth::ws_token::WsTokens;
use crate::client_address::{ForwardedHeader, TrustedProxies};
use crate::clock::Clock;
use crate::ice::configured::ConfiguredServers;
use crate::ice::source::IceServerSource;
use crate::ice::{Ice, Source};
use crate::limits::Limits;
use crate::limits::concurrency::ConcurrencyLimit;
use crate::limits::counters::LimitCounters;
use crate::limits::rates::Rates;
use crate::listener::gate::Gate;
use crate::metrics::Metrics;
use crate::rooms::access::Access;
use crate::rooms::public_url::PublicUrl;
use crate::rooms::service::Rooms;
use crate::shard::drain::Drain;
use crate::shard::{ShardContext, Shards};
use crate::store::{self, DataDir, DataDirError, RoomStore, StoreError, Writer};

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

impl Builder {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
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
            let rooms = &server.app.rooms;
            let acquire = || rooms.open_rooms.acquire(room.creator().to_owned(), u32::MAX);
            let permit = if is_open { acquire() } else { None };
            rooms.shards.restore(room, permit, grace);
        }
        Ok(server)
    }

    fn assemble(self, server_secret: &Secret, writer: Option<Writer>, metrics: Metrics) -> Server {
        let clock = Clock::start();
        let limits = self.limits;
        let ice = Ice::new(self.ice_servers, self.configured_servers, limits.request_patience);
        let counters = Arc::new(LimitCounters::new(metrics.clone()));
        let context = ShardContext {
            ice: ice.clone(),
            counters: Arc::clone(&counters),
            metrics: metrics.clone(),
            clock,
        };
        let shards = Shards::new(self.shards, &self.hub, writer.as_ref(), &context);
        let timers = shards.start_timers();
        let rates = Arc::new(Rates::new(&limits, Arc::clone(&counters)));
        let access = Access {
            identity: self.identity.in_time(limits.request_patience),
            ws_tokens: WsTokens::new(server_secret),
            shards: shards.clone(),
            rates: Arc::clone(&rates),
        };
        let rooms = Rooms {
            shards,
            open_rooms: ConcurrencyLimit::new(),
            max_open_rooms: limits.open_rooms,
            counters: Arc::clone(&counters),
            clock,
            password_key: server_secret.derive("room-password"),
            public_url: self.public_url,
        };
        let gate = Arc::new(Gate::new(&limits, self.proxies.clone(), Arc::clone(&counters)));
        let app = App {
            rooms,
            access,
            ice,
            origins: self.origins,
            proxies: self.proxies,
            gate,
            sockets: ConcurrencyLimit::new(),
            rates,
            limits,
            counters,
            metrics,
            drain: Drain::new(),
            writer,
            timers,
        };
        Server { app: Arc::new(app) }
    }
}

/// How long those wait for who has to find the server again first.
const RESTART_GRACE: Duration = Duration::from_secs(60);
