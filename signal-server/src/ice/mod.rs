//! The ICE servers that participants get, and the source that chooses them.

pub(crate) mod configured;
pub(crate) mod source;
mod usable;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use signal_core::ParticipantId;
use signal_core::message::Payload;
use signal_core::room::{Room, Seat};

use self::configured::ConfiguredServers;
use self::source::{IceRequest, IceServerSource, IceServers};
use self::usable::UsableServers;
use crate::clock::Clock;
use crate::embedder;

/// The source of ICE servers in use.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn IceServerSource>);

impl Source {
    pub(crate) fn new(source: impl IceServerSource) -> Self {
        Self(Arc::new(source))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(..)")
    }
}

/// The source of ICE servers, and the configured servers to use if it fails.
#[derive(Clone, Debug)]
pub(crate) struct Ice {
    source: Source,
    configured: ConfiguredServers,
    usable: UsableServers,
    patience: Duration,
    clock: Clock,
}

impl Ice {
    pub(crate) fn new(
        source: Option<Source>,
        configured: ConfiguredServers,
        request_patience: Duration,
        clock: Clock,
    ) -> Self {
        let source = source.unwrap_or_else(|| Source::new(configured.clone()));
        let patience = PATIENCE.min(request_patience / 2);
        Self { source, configured, usable: UsableServers::default(), patience, clock }
    }

    /// Returns the servers for one participant that browsers can use. It never fails, and answers
    /// before the request times out.
    pub(crate) async fn for_participant(
        &self,
        room: &Room,
        participant: ParticipantId,
    ) -> IceServers {
        let IceServers { servers, expires_at } = self.ask(room, participant).await;
        IceServers { servers: self.usable.of(servers), expires_at }
    }

    async fn ask(&self, room: &Room, participant: ParticipantId) -> IceServers {
        let is_creator =
            room.seat(participant).map_or(participant == room.creator_id(), Seat::is_creator);
        // TURN servers go by the time of day.
        let until = self.clock.wall_time(room.expires_at());
        let request = IceRequest { room: room.id(), participant, is_creator, until };
        let answer =
            embedder::ask(self.patience, async { self.source.0.ice_servers(&request).await }).await;
        let error = match answer {
            Ok(Ok(servers)) => return servers,
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        };
        let room = room.id();
        tracing::warn!(%room, %error, "the ICE server source failed; using the configured servers");
        self.configured.for_participant(&request)
    }

    /// Returns the servers for one participant, encoded for a signaling socket.
    pub(crate) async fn announced(
        &self,
        room: &Room,
        participant: ParticipantId,
    ) -> signal_core::ice::IceServers {
        let IceServers { servers, expires_at } = self.for_participant(room, participant).await;
        let servers = Payload::new(&servers).expect("ICE servers serialize to JSON");
        signal_core::ice::IceServers { servers, expires_at: self.clock.core_time(expires_at) }
    }
}

const PATIENCE: Duration = Duration::from_secs(3);
