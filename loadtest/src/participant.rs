//! One participant: it joins, takes what the others send, and remembers when.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use client_sdk::{
    Client, ConnectionState, EnterError, Event, MediaKind, Options, Participant, ParticipantId,
    RemoteTrack,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::rtp::SequenceCounter;

/// How a participant comes into its room.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// With the token that creating the room gave.
    Create { room: String, token: String, ice_servers: Vec<client_sdk::IceServer> },
    /// By the room's number and password.
    Join { room: String, password: String },
}

/// What a participant has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) id: ParticipantId,
    pub(crate) times: EntryTimes,
    /// When it learned of each other participant.
    pub(crate) met: HashMap<ParticipantId, Instant>,
    pub(crate) connected: HashMap<ParticipantId, Instant>,
    pub(crate) failed: HashSet<ParticipantId>,
    pub(crate) tracks: Vec<SeenTrack>,
}

/// When the steps of entering were taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryTimes {
    /// When it was meant to start.
    pub(crate) intended: Instant,
    /// When it was let in; `None` for a creator, which is not asked for a password.
    pub(crate) admitted: Option<Instant>,
    /// When it began to open its socket.
    pub(crate) entering: Instant,
    pub(crate) entered: Instant,
}

/// What came of one track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenTrack {
    pub(crate) from: ParticipantId,
    pub(crate) kind: MediaKind,
    pub(crate) first_packet: Option<Instant>,
    pub(crate) packets: SequenceCounter,
    /// Packets that this process was too slow to take.
    pub(crate) overrun: u64,
}

/// Something worth showing while it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Milestone {
    Connected,
    Entered,
}

/// Takes part until told to stop.
pub(crate) async fn take_part(
    client: Client,
    way: Way,
    options: Options,
    intended: Instant,
    milestones: mpsc::UnboundedSender<Milestone>,
    mut stop: watch::Receiver<bool>,
) -> Result<Seen, EnterError> {
    tokio::time::sleep_until(intended.into()).await;
    let (mut participant, times) = enter(&client, way, options, intended).await?;
    // Nobody has to be watching.
    let _ = milestones.send(Milestone::Entered);
    let mut seen = Seen {
        id: participant.id(),
        times,
        met: HashMap::new(),
        connected: HashMap::new(),
        failed: HashSet::new(),
        tracks: Vec::new(),
    };
    let mut tracks = JoinSet::new();
    loop {
        tokio::select! {
            event = participant.next_event() => match event {
                Some(event) => note(event, &mut seen, &mut tracks, &milestones),
                None => break,
            },
            () = until_told(&mut stop) => break,
        }
    }
    participant.leave().await;
    while let Some(track) = tracks.join_next().await {
        seen.tracks.extend(track);
    }
    Ok(seen)
}

/// Waits for the end of the run.
pub(crate) async fn until_told(stop: &mut watch::Receiver<bool>) {
    // Without anybody to tell it, the run is over.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn enter(
    client: &Client,
    way: Way,
    options: Options,
    intended: Instant,
) -> Result<(Participant, EntryTimes), EnterError> {
    let (room, token, ice_servers, admitted) = match way {
        Way::Create { room, token, ice_servers } => (room, token, ice_servers, None),
        Way::Join { room, password } => {
            let joined = client.join_room(&room, &password, "load").await?;
            (room, joined.ws_token, joined.ice_servers, Some(Instant::now()))
        }
    };
    let entering = Instant::now();
    let participant = client.enter(&room, &token, ice_servers, options).await?;
    let times = EntryTimes { intended, admitted, entering, entered: Instant::now() };
    Ok((participant, times))
}

fn note(
    event: Event,
    seen: &mut Seen,
    tracks: &mut JoinSet<SeenTrack>,
    milestones: &mpsc::UnboundedSender<Milestone>,
) {
    let now = Instant::now();
    match event {
        Event::ParticipantJoined(participant) => {
            seen.met.insert(participant.id, now);
        }
        Event::ConnectionState { participant, state: ConnectionState::Connected } => {
            seen.failed.remove(&participant);
            if seen.connected.insert(participant, now).is_none() {
                let _ = milestones.send(Milestone::Connected);
            }
        }
        Event::ConnectionState { participant, state: ConnectionState::Failed } => {
            seen.failed.insert(participant);
        }
        Event::Track(track) => drop(tracks.spawn(receive(track))),
        _ => {}
    }
}

/// Takes packets until the track ends.
async fn receive(mut track: RemoteTrack) -> SeenTrack {
    let mut packets = SequenceCounter::default();
    let mut first_packet = None;
    while let Some(packet) = track.recv().await {
        first_packet.get_or_insert_with(Instant::now);
        packets.count(packet.sequence_number);
    }
    SeenTrack {
        from: track.participant(),
        kind: track.kind(),
        first_packet,
        packets,
        overrun: track.dropped(),
    }
}
