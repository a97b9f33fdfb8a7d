//! The services that requests and sockets share.

use std::sync::Arc;
use std::time::Duration;

use signal_core::Language;
use tokio::time::timeout;

use crate::auth::admin_key::AdminKey;
use crate::auth::origin::Origins;
use crate::client_address::TrustedProxies;
use crate::ice::Ice;
use crate::limits::Limits;
use crate::limits::attempts::JoinAttempts;
use crate::limits::client_concurrency::ClientConcurrency;
use crate::limits::counters::LimitCounters;
use crate::limits::rates::Rates;
use crate::listener::gate::Gate;
use crate::metrics::{Counts, Metrics};
use crate::rooms::access::Access;
use crate::rooms::service::Rooms;
use crate::shard::Timers;
use crate::shard::drain::Drain;
use crate::store::Writer;
use crate::supervision::Supervisor;
use crate::webhooks::SenderTask;

pub(crate) struct App {
    pub(crate) rooms: Rooms,
    pub(crate) access: Access,
    /// The key of operators. Without one they cannot manage rooms over HTTP.
    pub(crate) admin_key: Option<AdminKey>,
    pub(crate) ice: Ice,
    pub(crate) origins: Origins,
    /// The language of texts for clients that ask for no other.
    pub(crate) language: Language,
    pub(crate) proxies: TrustedProxies,
    pub(crate) gate: Arc<Gate>,
    /// The signaling sockets of each client address and network.
    pub(crate) sockets: ClientConcurrency,
    pub(crate) rates: Arc<Rates>,
    pub(crate) attempts: Arc<JoinAttempts>,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<LimitCounters>,
    pub(crate) metrics: Metrics,
    pub(crate) drain: Drain,
    /// Saves rooms to disk, if that is configured.
    pub(crate) writer: Option<Writer>,
    pub(crate) supervisor: Supervisor,
    /// The timer tasks, which end when this is dropped.
    #[expect(dead_code, reason = "held for its effect when dropped")]
    pub(crate) timers: Timers,
    /// Sends events to webhooks, until this is dropped.
    #[expect(dead_code, reason = "held for its effect when dropped")]
    pub(crate) webhooks: Option<SenderTask>,
}

impl App {
    pub(crate) fn counts(&self) -> Counts {
        let (rooms, participants) = self.rooms.shards.counts();
        Counts { rooms, participants, connections: self.gate.connections() }
    }

    /// Disconnects everybody, and saves the resulting changes.
    pub(crate) async fn drain(&self) {
        self.drain.run(&self.rooms.shards).await;
        self.flush().await;
    }

    /// Waits for the last writes, also for a store that fails and may work again, but not for long.
    pub(crate) async fn flush(&self) {
        if let Some(writer) = &self.writer
            && timeout(LAST_WRITES, writer.flush()).await.is_err()
        {
            tracing::error!(
                "the last changes are not saved yet, and are lost if the process ends now"
            );
        }
    }
}

/// How long a store may take for the last writes.
const LAST_WRITES: Duration = Duration::from_secs(5);
