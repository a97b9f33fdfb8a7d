//! The services that requests and sockets share.

use std::sync::Arc;

use signal_core::RoomId;

use crate::auth::origin::Origins;
use crate::client_address::{ClientAddress, TrustedProxies};
use crate::ice::Ice;
use crate::limits::Limits;
use crate::limits::attempts::JoinAttempts;
use crate::limits::concurrency::ConcurrencyLimit;
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

pub(crate) struct App {
    pub(crate) rooms: Rooms,
    pub(crate) access: Access,
    pub(crate) ice: Ice,
    pub(crate) origins: Origins,
    pub(crate) proxies: TrustedProxies,
    pub(crate) gate: Arc<Gate>,
    /// The number of signaling sockets of each client address.
    pub(crate) sockets: Arc<ConcurrencyLimit<ClientAddress>>,
    /// The number of seats that the guests of each client address hold in each room.
    pub(crate) seats: Arc<ConcurrencyLimit<(RoomId, ClientAddress)>>,
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
}

impl App {
    pub(crate) fn counts(&self) -> Counts {
        let (rooms, participants) = self.rooms.shards.counts();
        Counts { rooms, participants, connections: self.gate.connections() }
    }
}
