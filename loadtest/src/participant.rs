//! One participant: joins, receives what the others send, and records when things happen.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use client_sdk::{
    Client, ConnectionState, EnterError, Event, MediaKind, Options, Participant, ParticipantId,
    RemoteTrack,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::loss::{Losses, Lost};

/// How a participant enters its room.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// As the creator, with the token that creating the room returned.
    Create { room: String, token: String, ice_servers: Vec<client_sdk::IceServer> },
    /// As a guest, with the room's number and password.
    Join { room: String, password: String },
}

/// What one participant observed.
#[derive(Debug)]
pub(crate) struct Observations {
    pub(crate) id: ParticipantId,
    pub(crate) times: EntryTimes,
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

/// Something to show while the run goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Progress {
    Connected,
    Entered,
}

/// Takes part in a room until `stop` is set.
pub(crate) async fn take_part(
    client: Client,
    entry: Entry,
    options: Options,
    intended: Instant,
    progress: mpsc::UnboundedSender<Progress>,
    mut stop: watch::Receiver<bool>,
) -> Result<Observations, EnterError> {
    tokio::time::sleep_until(intended.into()).await;
    let (mut participant, times) = enter(&client, entry, options, intended).await?;
    // If this fails, nobody shows the progress.
    let _ = progress.send(Progress::Entered);
    let mut observations = Observations {
        id: participant.id(),
        times,
        met: HashMap::new(),
        connected: HashMap::new(),
        failed: HashSet::new(),
        tracks: Vec::new(),
        losses: Losses::default(),
    };
    let mut tracks = JoinSet::new();
    loop {
        tokio::select! {
            event = participant.next_event() => match event {
                Some(event) => observe(event, &mut observations, &mut tracks, &progress),
                None => break,
            },
            () = stopped(&mut stop) => break,
        }
    }
    participant.leave().await;
    while let Some(track) = tracks.join_next().await {
        observations.tracks.extend(track);
    }
    Ok(observations)
}

/// Waits for the end of the run.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // If the sender is gone, the run is over.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn enter(
    client: &Client,
    entry: Entry,
    options: Options,
    intended: Instant,
) -> Result<(Participant, EntryTimes), EnterError> {
    let (room, token, ice_servers, admitted) = match entry {
        Entry::Create { room, token, ice_servers } => (room, token, ice_servers, None),
        Entry::Join { room, password } => {
            let joined = client.join_room(&room, &password, "load").await?;
            (room, joined.ws_token, joined.ice_servers, Some(Instant::now()))
        }
    };
    let entering = Instant::now();
    let participant = client.enter(&room, &token, ice_servers, options).await?;
    let times = EntryTimes { intended, admitted, entering, entered: Instant::now() };
    Ok((participant, times))
}

fn observe(
    event: Event,
    observations: &mut Observations,
    tracks: &mut JoinSet<ObservedTrack>,
    progress: &mpsc::UnboundedSender<Progress>,
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
            if observations.connected.insert(participant, now).is_none() {
                let _ = progress.send(Progress::Connected);
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

/// A track without packets for this long is lost. Sound comes 50 times a second.
const SILENCE: Duration = Duration::from_secs(5);
