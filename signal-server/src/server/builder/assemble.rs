//! How the parts of a server fit together.

use std::sync::Arc;

use super::Builder;
use crate::app::App;
use crate::auth::secret::Secret;
use crate::auth::ws_token::WsTokens;
use crate::ice::Ice;
use crate::limits::attempts::JoinAttempts;
use crate::limits::client_concurrency::ClientConcurrency;
use crate::limits::concurrency::ConcurrencyLimit;
use crate::limits::counters::LimitCounters;
use crate::limits::rates::Rates;
use crate::listener::gate::Gate;
use crate::listener::transport::Transport;
use crate::rooms::access::Access;
use crate::rooms::public_url::PublicUrl;
use crate::rooms::service::Rooms;
use crate::server::Server;
use crate::server::shared_parts::SharedParts;
use crate::shard::drain::Drain;
use crate::shard::events::EventSender;
use crate::shard::inbox::Inbox;
use crate::shard::{ShardContext, Shards};
use crate::store::Writer;
use crate::webhooks::{Sender, SenderTask};

impl Builder {
    /// Makes a server of the settings, on what all its parts share.
    pub(super) fn assemble(
        self,
        server_secret: &Secret,
        writer: Option<Writer>,
        webhooks: Option<Sender>,
        shared: SharedParts,
    ) -> Server {
        let SharedParts { clock, metrics, supervisor } = shared;
        let limits = self.limits;
        let ice =
            Ice::new(self.ice_servers, self.configured_servers, limits.request_patience, clock);
        let counters = Arc::new(LimitCounters::new(metrics.clone()));
        let events = self.events.unwrap_or_else(EventSender::new);
        let context = ShardContext {
            ice: ice.clone(),
            counters: Arc::clone(&counters),
            clock,
            events,
            inbox: Inbox::default(),
            webhooks: webhooks.as_ref().map(|sender| sender.queue().clone()),
        };
        let start = |sender: Sender| sender.start(writer.clone(), &supervisor);
        let webhooks: Option<SenderTask> = webhooks.map(start);
        let shards = Shards::new(self.shards, &self.hub, writer.as_ref(), &context);
        let timers = shards.start_timers(&supervisor);
        let rates = Arc::new(Rates::new(&limits, Arc::clone(&counters)));
        let attempts = Arc::new(JoinAttempts::new(&limits, Arc::clone(&counters)));
        let access = Access {
            login: self.login.cap_timeout(limits.request_patience),
            join_policy: self.join_policy.map(|policy| policy.cap_timeout(limits.request_patience)),
            ws_tokens: WsTokens::new(server_secret),
            shards: shards.clone(),
            attempts: Arc::clone(&attempts),
            metrics: metrics.clone(),
        };
        let rooms = Rooms {
            shards,
            open_rooms: ConcurrencyLimit::new(),
            max_open_rooms: limits.open_rooms,
            max_capacity: self.hub.max_capacity,
            counters: Arc::clone(&counters),
            clock,
            password_key: server_secret.derive("room-password"),
            address_key: server_secret.derive("client-address"),
            seat_key: server_secret.derive("seat-name"),
            public_url: self.public_url,
        };
        let own_origin = rooms.public_url.as_ref().map(PublicUrl::origin);
        let origins = match own_origin {
            Some(origin) => self.origins.and(origin),
            None => self.origins,
        };
        let gate = Arc::new(Gate::new(&limits, self.proxies.clone(), Arc::clone(&counters)));
        #[cfg(not(feature = "tls"))]
        let transport = Transport::Plain;
        #[cfg(feature = "tls")]
        let transport = match self.tls {
            Some(tls) => Transport::Tls { tls, metrics: metrics.clone() },
            None => Transport::Plain,
        };
        let app = App {
            rooms,
            access,
            admin_key: self.admin_key,
            ice,
            origins,
            language: self.language,
            proxies: self.proxies,
            gate,
            sockets: ClientConcurrency::new(
                limits.connections_per_address,
                limits.connections_per_network(),
            ),
            rates,
            attempts,
            limits,
            counters,
            metrics,
            drain: Drain::new(),
            writer,
            supervisor,
            timers,
            webhooks,
        };
        Server {
            app: Arc::new(app),
            transport,
            #[cfg(feature = "page")]
            page: self.page,
            #[cfg(feature = "page")]
            frame_ancestors: self.frame_ancestors,
        }
    }
}
