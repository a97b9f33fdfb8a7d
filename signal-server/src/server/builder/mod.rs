//! The builder of a [`Server`].

mod assemble;

#[cfg(feature = "store")]
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

#[cfg(feature = "page")]
use axum::http::HeaderValue;
use ipnet::IpNet;
use signal_core::Language;
use signal_core::config::{HubConfig, InvalidConfig};
use signal_core::room::Status;

use super::Server;
use super::shared_parts::SharedParts;
use crate::auth::admin_key::AdminKey;
use crate::auth::login::Login;
use crate::auth::origin::Origins;
use crate::auth::secret::Secret;
use crate::client_address::{ForwardedHeader, TrustedProxies};
use crate::ice::Source;
use crate::ice::configured::ConfiguredServers;
use crate::ice::source::IceServerSource;
use crate::limits::Limits;
#[cfg(feature = "tls")]
use crate::listener::tls::Tls;
#[cfg(feature = "page")]
use crate::page::Page;
use crate::rooms::admit::{Admit, JoinPolicy};
use crate::rooms::public_url::PublicUrl;
use crate::shard::events::{EventSender, RoomEvents};
#[cfg(feature = "store")]
use crate::store::{DataDir, DataDirError};
use crate::store::{Loaded, RoomStore, StoreError, Writer};
use crate::webhooks::Sender;
#[cfg(feature = "webhooks")]
use crate::webhooks::Webhooks;

/// The settings of a [`Server`]; see [`Server::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    login: Login,
    join_policy: Option<JoinPolicy>,
    server_secret: Option<Secret>,
    admin_key: Option<AdminKey>,
    configured_servers: ConfiguredServers,
    ice_servers: Option<Source>,
    origins: Origins,
    public_url: Option<PublicUrl>,
    proxies: TrustedProxies,
    language: Language,
    limits: Limits,
    hub: HubConfig,
    shards: usize,
    events: Option<EventSender>,
    #[cfg(feature = "webhooks")]
    webhooks: Option<Webhooks>,
    #[cfg(feature = "page")]
    page: Option<Page>,
    #[cfg(feature = "page")]
    frame_ancestors: Vec<HeaderValue>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Builder {
    pub(super) fn new(login: Login) -> Self {
        Self {
            login,
            join_policy: None,
            server_secret: None,
            admin_key: None,
            configured_servers: ConfiguredServers::default(),
            ice_servers: None,
            origins: Origins::default(),
            public_url: None,
            proxies: TrustedProxies::new(Vec::new(), ForwardedHeader::default()),
            language: Language::default(),
            limits: Limits::default(),
            hub: HubConfig::default(),
            shards: available_parallelism().map_or(1, usize::from),
            events: None,
            #[cfg(feature = "webhooks")]
            webhooks: None,
            #[cfg(feature = "page")]
            page: None,
            #[cfg(feature = "page")]
            frame_ancestors: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Sets the code that decides who may join a room. By default everybody who has the password or
    /// an invite may join.
    pub fn admit(mut self, admit: impl Admit) -> Self {
        self.join_policy = Some(JoinPolicy::new(admit));
        self
    }

    /// Sets the secret that the server's own keys are derived from. Tokens remain valid across
    /// restarts with the same secret; a [data directory](Self::open) keeps one by itself.
    pub fn server_secret(mut self, secret: Secret) -> Self {
        self.server_secret = Some(secret);
        self
    }

    /// Sets the key that operators manage rooms with over HTTP, at the routes `/admin/rooms/…` of
    /// [`Server::admin_router`]. By default there are no such routes.
    pub fn admin_key(mut self, key: AdminKey) -> Self {
        self.admin_key = Some(key);
        self
    }

    /// Sets the TURN servers that share this secret (coturn's `static-auth-secret`), as URLs such
    /// as `turn:host:3478`. URLs that are not those of TURN servers
    /// ([`IceUrl`](signal_core::ice::IceUrl)) are left out, and the log says so.
    pub fn turn(mut self, secret: Secret, urls: impl IntoIterator<Item = String>) -> Self {
        self.configured_servers.turn_secret = Some(secret);
        self.configured_servers.turn_urls = urls.into_iter().collect();
        self
    }

    /// Sets the STUN servers, as URLs such as `stun:host:3478`. URLs that are not those of ICE
    /// servers ([`IceUrl`](signal_core::ice::IceUrl)) are left out, and the log says so.
    pub fn stun(mut self, urls: impl IntoIterator<Item = String>) -> Self {
        self.configured_servers.stun_urls = urls.into_iter().collect();
        self
    }

    /// Sets the source that chooses the ICE servers of each participant. The servers of
    /// [`turn`](Self::turn) and [`stun`](Self::stun) are used when the source fails.
    pub fn ice_servers(mut self, source: impl IceServerSource) -> Self {
        self.ice_servers = Some(Source::new(source));
        self
    }

    /// Sets the origins of the web pages that may use the server. The origin of the [public
    /// URL](Self::public_url) is always allowed.
    pub fn origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// Sets the address of the web page where people join. Without it, responses contain no join
    /// links.
    pub fn public_url(mut self, url: PublicUrl) -> Self {
        self.public_url = Some(url);
        self
    }

    /// Sets the proxies whose forwarding header is trusted for the address of a client. By default
    /// there are none.
    pub fn trusted_proxies(
        mut self,
        networks: impl IntoIterator<Item = IpNet>,
        header: ForwardedHeader,
    ) -> Self {
        self.proxies = TrustedProxies::new(networks.into_iter().collect(), header);
        self
    }

    /// Sets the language of texts for clients whose `Accept-Language` names neither Chinese nor
    /// English. By default it is Chinese.
    pub fn language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Sets the limits per client address, user and connection.
    ///
    /// # Errors
    ///
    /// A limit is not usable, such as zero connections; the error names it and what it must be.
    pub fn limits(mut self, limits: Limits) -> Result<Self, InvalidConfig> {
        limits.check()?;
        self.limits = limits;
        Ok(self)
    }

    /// Sets the limits on what participants send.
    ///
    /// # Errors
    ///
    /// A limit is not usable, such as a burst that is shorter than the longest message.
    pub fn hub(mut self, config: HubConfig) -> Result<Self, InvalidConfig> {
        config.check()?;
        self.hub = config;
        Ok(self)
    }

    /// Sets the number of shards, each with its own lock, that the rooms are spread over. By
    /// default there is one per core.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Makes [`Server::serve`] serve the page for calls in a browser, at `/`, and at `/join/ROOM`
    /// for invite links: the [public URL](Self::public_url) has to end in `/join`. By default there
    /// is no page. [`Server::router`] never serves it.
    #[cfg(feature = "page")]
    pub fn page(mut self, page: Page) -> Self {
        self.page = Some(page);
        self
    }

    /// Sets the origins, each like `https://example.com`, whose pages may embed the page in a
    /// frame. By default there are none. Such a frame needs `allow="camera; microphone;
    /// display-capture"`.
    #[cfg(feature = "page")]
    pub fn frame_ancestors(mut self, origins: impl IntoIterator<Item = HeaderValue>) -> Self {
        self.frame_ancestors = origins.into_iter().collect();
        self
    }

    /// Makes [`Server::serve`] speak HTTPS and secure WebSockets with this certificate, instead of
    /// plain HTTP. The handshake has to be over within the time for the headers of a request
    /// ([`Limits::header_patience`]). This has no effect on [`Server::router`].
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sends the events of all rooms to a URL. By default none are sent.
    #[cfg(feature = "webhooks")]
    pub fn webhooks(mut self, webhooks: Webhooks) -> Self {
        self.webhooks = Some(webhooks);
        self
    }

    /// Returns the events of all rooms from the start of the server on. With a data directory or a
    /// store they begin with the participants that have lost their sockets with the earlier
    /// process. If there are more than 1024 of these events, the oldest are lost, and
    /// [`RoomEvents::next`] reports how many. [`ServerHandle::events`](crate::ServerHandle::events)
    /// begins later.
    pub fn events(&mut self) -> RoomEvents {
        self.events.get_or_insert_with(EventSender::new).subscribe()
    }

    /// Builds the server and starts its timers. Its rooms are kept in memory only.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime.
    #[must_use]
    pub fn build(mut self) -> Server {
        let server_secret = self.server_secret.take().unwrap_or_else(Secret::random);
        let shared = SharedParts::new();
        let webhooks = self.webhook_sender(&shared);
        self.assemble(&server_secret, None, webhooks, shared)
    }

    /// Builds the server on a data directory, so that rooms outlive the process: a change is on
    /// disk before it is answered. After a restart or a crash, participants can resume within a
    /// minute.
    ///
    /// The directory is created if it is missing, and one server at a time can use it. It holds the
    /// server secret unless [one is set](Self::server_secret).
    ///
    /// # Errors
    ///
    /// The directory is in use, cannot be read or written, or contains files that are damaged or
    /// written by a newer version.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime.
    #[cfg(feature = "store")]
    pub async fn open(mut self, data_dir: impl AsRef<Path>) -> Result<Server, DataDirError> {
        let DataDir { file, secret } = DataDir::open(data_dir.as_ref(), self.server_secret.take())?;
        let path = file.path().to_owned();
        let server = self.open_store(file, &secret).await;
        server.map_err(|error| DataDirError::of_file(&path, error))
    }

    /// Builds the server on your own room store, so that rooms outlive the process as with
    /// [`open`](Self::open).
    ///
    /// `server_secret` takes precedence over [one set earlier](Self::server_secret). Keep it as
    /// long as the rooms: with another secret, the server recognizes neither their passwords nor
    /// their tokens.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or contains records that are damaged or written by a newer
    /// version.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime, or if the store panics.
    pub async fn open_store<S: RoomStore>(
        mut self,
        store: S,
        server_secret: &Secret,
    ) -> Result<Server, StoreError<S::Error>> {
        let shared = SharedParts::new();
        let SharedParts { metrics, supervisor, .. } = shared.clone();
        let mut webhooks = self.webhook_sender(&shared);
        let changes = webhooks.as_ref().map(|sender| sender.queue().changes());
        let (writer, loaded) = Writer::start(store, changes, metrics, supervisor).await?;
        let Loaded { rooms, events } = loaded;
        if let Some(sender) = &mut webhooks {
            sender.restore(events);
        }
        let grace = RESTART_GRACE.max(self.hub.resume_grace);
        let server = self.assemble(server_secret, Some(writer), webhooks, shared);
        tracing::info!(rooms = rooms.len(), "rooms loaded");
        for room in rooms {
            // Existing rooms stay open even if their creator has more than the limit allows now.
            let is_open = room.status() == Status::Open;
            let rooms = &server.app.rooms;
            let creator = room.creator().filter(|_| is_open).map(str::to_owned);
            let permit = creator.and_then(|creator| rooms.open_rooms.acquire(creator, u32::MAX));
            rooms.shards.restore(room, permit, grace);
        }
        Ok(server)
    }

    /// The sender of events, if there are webhooks.
    #[cfg(feature = "webhooks")]
    fn webhook_sender(&mut self, shared: &SharedParts) -> Option<Sender> {
        let SharedParts { clock, metrics, .. } = shared.clone();
        self.webhooks.take().map(|webhooks| Sender::new(webhooks, clock, metrics))
    }

    #[cfg(not(feature = "webhooks"))]
    fn webhook_sender(&mut self, _: &SharedParts) -> Option<Sender> {
        None
    }
}

/// The minimum time that seats are kept after a restart. Participants need more time than after a
/// lost socket, since the server has to be reachable first.
const RESTART_GRACE: Duration = Duration::from_secs(60);
