//! How a participant enters its room.

use std::time::Instant;

use client_sdk::{EnterError, Options, Participant};
use thiserror::Error;

use crate::measure::latency_kind::Kind;
use crate::measure::recorder::{Fate, Step};
use crate::participants::media::bad_network::{BadNetwork, BadNetworkError};
use crate::participants::world::World;
use crate::scenario::Visit;

/// A participant that has entered.
pub(super) struct Entered {
    pub(super) participant: Participant,
    /// The bad network that its media passes, if there is one.
    pub(super) network: Option<BadNetwork>,
    /// When it began to open its socket.
    pub(super) since: Instant,
}

/// A participant did not enter.
#[derive(Debug, Error)]
pub(super) enum EntryError {
    #[error(transparent)]
    Enter(#[from] EnterError),
    #[error(transparent)]
    Network(#[from] BadNetworkError),
    #[error("its room could not be created")]
    NoRoom,
}

/// Joins and enters. What the server does is recorded from when it was planned.
pub(super) async fn enter(
    world: &World,
    visit: &Visit,
    mut options: Options,
) -> Result<Entered, EntryError> {
    let World { recorder, target, .. } = world;
    let intended = world.begin + visit.arrive;
    let access = world.rooms[visit.room].as_ref().ok_or(EntryError::NoRoom)?;
    let (token, ice_servers) = if visit.is_creator {
        (access.creator.token.clone(), access.creator.ice_servers.clone())
    } else {
        let started = Instant::now();
        let joined = target.client.join_room(&access.id, &access.password, "load").await;
        let ended = Instant::now();
        match joined {
            Ok(joined) => {
                recorder.answered(Kind::HttpJoin, Step { intended, started, ended });
                (joined.ws_token, joined.ice_servers)
            }
            Err(error) => {
                recorder.unanswered(Kind::HttpJoin, intended, Fate::Refused, ended);
                return Err(EnterError::from(error).into());
            }
        }
    };
    let network = BadNetwork::before(&world.scenario, visit.seat, &ice_servers).await?;
    if let Some(network) = &network {
        options = options.turn_through(network.address());
    }
    let since = Instant::now();
    let entered = target.client.enter(&access.id, &token, ice_servers, options).await;
    let ended = Instant::now();
    match entered {
        Ok(participant) => {
            let step = Step { intended: since, started: since, ended };
            recorder.answered(Kind::WebsocketJoined, step);
            Ok(Entered { participant, network, since })
        }
        Err(error) => {
            recorder.unanswered(Kind::WebsocketJoined, since, Fate::Refused, ended);
            Err(error.into())
        }
    }
}
