//! The ICE servers that participants are told of, and who decides about them.

pub(crate) mod configured;
pub(crate) mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use signal_core::{ParticipantId, Payload, Room, Seat};

use self::configured::ConfiguredServers;
use self::source::{IceRequest, IceServerSource, IceServers};
use crate::clock::{system_time, to_timestamp};
use crate::embedder;

/// Somebody who decides.
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

/// Whom to ask, and what to tell if that fails.
#[derive(Clone, Debug)]
pub(crate) struct Ice {
    source: Source,
    configured: ConfiguredServers,
    patience: Duration,
}

impl Ice {
    pub(crate) fn new(
        source: Option<Source>,
        configured: ConfiguredServers,
        request_patience: Duration,
    ) -> Self {
        let source = source.unwrap_or_else(|| Source::new(configured.clone()));
        Self { source, configured, patience: PATIENCE.min(request_patience / 2) }
    }

    /// The servers for one participant, in time and whatever happens.
    pub(crate) async fn for_participant(
        &self,
        room: &Room,
        participant: ParticipantId,
    ) -> IceServers {
        let is_creator =
            room.seat(participant).map_or(participant == room.creator_id(), Seat::is_creator);
        let until = system_time(room.expires_at());
        let request = IceRequest { room: room.id(), participant, is_creator, until };
        let answer =
            embedder::ask(self.patience, async { self.source.0.ice_servers(&request).await }).await;
        let error = match answer {
            Ok(Ok(servers)) => return servers,
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        };
        tracing::warn!(room = %room.id(), %error, "no ICE servers of this application's; telling the configured ones");
        self.configured.for_participant(&request)
    }

    /// The same, to be told over a signaling connection.
    pub(crate) async fn announced(
        &self,
        room: &Room,
        participant: ParticipantId,
    ) -> signal_core::IceServers {
        let IceServers { servers, expires_at } = self.for_participant(room, participant).await;
        let servers = Payload::new(&servers).expect("lists of strings have a JSON form");
        signal_core::IceServers { servers, expires_at: to_timestamp(expires_at) }
    }
}

const PATIENCE: Duration = Duration::from_secs(3);
