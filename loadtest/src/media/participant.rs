//! One participant: joins, receives what the others send, and records when things happen.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use client_sdk::{
    ConnectionState, EnterError, Event, MediaKind, Options, Participant, ParticipantId, RemoteTrack,
};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::bad_network::{BadNetwork, BadNetworkError};
use crate::board::Board;
use crate::kind::Kind;
use crate::loss::{Losses, Lost};
use crate::phase::{Phase, reached};
use crate::recorder::Fate;
use crate::scenario::Visit;
use crate::world::World;

/// What one participant observed.
#[derive(Debug)]
pub(crate) struct Observations {
    pub(crate) id: ParticipantId,
    pub(crate) times: EntryTimes,
    /// Those who were there when it entered.
    pub(crate) there: HashSet<ParticipantId>,
    /// Whether it sends media.
    pub(crate) publishes: bool,
    /// When it left before the end, as was planned.
    pub(crate) left: Option<Instant>,
    /// When it learned of each other participant.
    pub(crate) met: HashMap<ParticipantId, Instant>,
    pub(crate) connected: HashMap<ParticipantId, Instant>,
    pub(crate) failed: HashSet<ParticipantId>,
    pub(crate) tracks: Vec<ObservedTrack>,
    pub(crate) losses: Losses,
}

/// When each step of entering was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryTimes {
    /// When it was planned to start.
    pub(crate) intended: Instant,
    /// When the server let it join; `None` for a creator, which does not join.
    pub(crate) admitted: Option<Instant>,
    /// When it began to open its socket.
    pub(crate) entering: Instant,
    pub(crate) entered: Instant,
}

/// What one participant observed of one track.
#[derive(Clone, Debug)]
pub(crate) struct ObservedTrack {
    pub(crate) from: ParticipantId,
    pub(crate) kind: MediaKind,
    pub(crate) first_packet: Option<Instant>,
    pub(crate) last_packet: Option<Instant>,
    /// The times without packets after the first one, and the end of the track.
    pub(crate) silences: Losses,
    /// Packets that this process took.
    pub(crate) received: u64,
    /// Packets that the network lost.
    pub(crate) lost: u64,
    /// Packets that this process was too slow to take.
    pub(crate) overrun: u64,
}

/// Takes part in a room until its visit or the run ends; `None` if it did not enter.
pub(crate) async fn take_part(
    world: Arc<World>,
    visit: Visit,
    options: Options,
    mut phases: watch::Receiver<Phase>,
) -> Option<Observations> {
    let intended = world.begin + visit.arrive;
    tokio::select! {
        () = sleep_until(intended.into()) => {}
        // A tester that is late has to start what was planned for before the end.
        () = reached(Phase::Draining, &mut phases) => if Instant::now() < intended {
            return None;
        },
    }
    world.board.arrives();
    let entering = tokio::select! {
        entered = enter(&world, &visit, options, intended) => entered.map_err(|e| e.to_string()),
        () = reached(Phase::Over, &mut phases) => Err("the run ended before".into()),
    };
    let (mut participant, times, network) = match entering {
        Ok(entered) => entered,
        Err(error) => {
            let now = Instant::now();
            world.recorder.unanswered(Kind::Arrival, intended, Fate::Refused, now);
            world.recorder.failed(format!("a participant could not enter: {error}"));
            world.board.failed();
            return None;
        }
    };
    world.board.entered(visit.room);
    let mut observations = Observations {
        id: participant.id(),
        times,
        there: participant.participants().into_iter().map(|other| other.id).collect(),
        publishes: visit.publishes,
        left: visit.leave.map(|leave| world.begin + leave),
        met: HashMap::new(),
        connected: HashMap::new(),
        failed: HashSet::new(),
        tracks: Vec::new(),
        losses: Losses::default(),
    };
    let leave = observations.left.unwrap_or_else(|| Instant::now() + DAY);
    let mut tracks = JoinSet::new();
    loop {
        tokio::select! {
            event = participant.next_event() => match event {
                Some(event) => observe(event, &mut observations, &mut tracks, &world.board),
                None => break,
            },
            () = sleep_until(leave.into()) => break,
            () = reached(Phase::Draining, &mut phases) => break,
        }
    }
    participant.leave().await;
    world.board.left();
    if let Some(network) = network {
        world.recorder.impaired(network.figures());
    }
    while let Some(track) = tracks.join_next().await {
        observations.tracks.extend(track);
    }
    Some(observations)
}

async fn enter(
    world: &World,
    visit: &Visit,
    mut options: Options,
    intended: Instant,
) -> Result<(Participant, EntryTimes, Option<BadNetwork>), EntryError> {
    let client = &world.target.client;
    let access = world.rooms[visit.room].as_ref().ok_or(EntryError::NoRoom)?;
    let (token, ice_servers, admitted) = if visit.is_creator {
        (access.creator.token.clone(), access.creator.ice_servers.clone(), None)
    } else {
        let joined = client.join_room(&access.id, &access.password, "load").await;
        let now = Instant::now();
        let joined = joined.inspect_err(|_| {
            world.recorder.unanswered(Kind::HttpJoin, intended, Fate::Refused, now);
        });
        let joined = joined.map_err(EnterError::from)?;
        (joined.ws_token, joined.ice_servers, Some(now))
    };
    let network = BadNetwork::before(&world.scenario, visit.seat, &ice_servers).await?;
    if let Some(network) = &network {
        options = options.turn_through(network.address());
    }
    let entering = Instant::now();
    let participant = client.enter(&access.id, &token, ice_servers, options).await?;
    let times = EntryTimes { intended, admitted, entering, entered: Instant::now() };
    Ok((participant, times, network))
}

/// A participant did not enter.
#[derive(Debug, Error)]
enum EntryError {
    #[error(transparent)]
    Enter(#[from] EnterError),
    #[error(transparent)]
    Network(#[from] BadNetworkError),
    #[error("its room could not be created")]
    NoRoom,
}

fn observe(
    event: Event,
    observations: &mut Observations,
    tracks: &mut JoinSet<ObservedTrack>,
    board: &Board,
) {
    let now = Instant::now();
    match event {
        Event::ParticipantJoined(participant) => {
            observations.met.insert(participant.id, now);
        }
        Event::ParticipantLeft(id) => observations.losses.lose(Lost::Participant(id), now),
        Event::Reconnecting => observations.losses.lose(Lost::Signaling, now),
        Event::Resumed { .. } | Event::Rejoined { .. } => {
            observations.losses.regain(&Lost::Signaling, now);
        }
        Event::SignalingLost { .. } | Event::Closed(_) => {
            observations.losses.lose(Lost::Seat, now);
        }
        Event::ConnectionState { participant, state: ConnectionState::Connected, .. } => {
            observations.failed.remove(&participant);
            observations.losses.regain(&Lost::Connection(participant), now);
            // The first time counts: a connection that comes back is no late one.
            if let Entry::Vacant(first) = observations.connected.entry(participant) {
                first.insert(now);
                board.connected();
            }
        }
        Event::ConnectionState { participant, state, .. } => {
            if state == ConnectionState::Failed {
                observations.failed.insert(participant);
            }
            if observations.connected.contains_key(&participant) {
                observations.losses.lose(Lost::Connection(participant), now);
            }
        }
        Event::Track(track) => drop(tracks.spawn(receive(track))),
        _ => {}
    }
}

/// Takes packets until the track ends.
async fn receive(mut track: RemoteTrack) -> ObservedTrack {
    let mut received = 0;
    let (mut first_packet, mut last_packet) = (None, None);
    let mut silences = Losses::default();
    let media = Lost::Media(track.kind(), track.participant());
    loop {
        match timeout(SILENCE, track.recv()).await {
            Ok(Some(_)) => {
                let now = Instant::now();
                first_packet.get_or_insert(now);
                last_packet = Some(now);
                received += 1;
                silences.regain(&media, now);
            }
            Ok(None) => break,
            Err(_) if first_packet.is_some() => silences.lose(media.clone(), Instant::now()),
            Err(_) => {}
        }
    }
    silences.lose(media, Instant::now());
    ObservedTrack {
        from: track.participant(),
        kind: track.kind(),
        first_packet,
        last_packet,
        silences,
        received,
        lost: track.lost(),
        overrun: track.dropped(),
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A track without packets for this long is lost. Sound comes 50 times a second.
const SILENCE: Duration = Duration::from_secs(5);
