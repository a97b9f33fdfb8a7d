//! A real server, and participants that take part in its rooms.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by two test programs, of which one uses little of it"
)]

pub mod coturn;
pub mod ffmpeg;
pub mod frames;
#[path = "../../../loadtest/src/network/udp_path.rs"]
pub mod path;
pub mod pictures;
pub mod program;
pub mod recorder;
pub mod tls;
pub mod tone;
pub mod wire;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;

use client_sdk::{
    Client, CloseReason, ConnectionState, CreatedRoom, DataChannel, Delivery, Event, MediaKind,
    MeshCost, NewRoom, Options, Participant, ParticipantId, Permissions, RemoteTrack, RtpPacket,
    Slot, Source, TrackSource,
};
use signal_server::testing::{self, TestServer};
use tokio::time::timeout;

/// Long enough for a busy machine; reached only if something hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A future that has to complete in time. A test that hangs fails and names it.
pub trait InTime: Future + Sized {
    async fn in_time(self, what: &str) -> Self::Output {
        timeout(PATIENCE, self).await.unwrap_or_else(|_| panic!("{what} does not come"))
    }
}

impl<T: Future> InTime for T {}

pub async fn server() -> TestServer {
    testing::start().await.unwrap()
}

pub fn client(server: &TestServer) -> Client {
    Client::new(&server.url()).unwrap()
}

/// Options of a participant on this machine that sends the built-in clip.
pub fn talker() -> Options {
    listener().audio(Source::Clip).video(Source::Clip)
}

/// Options of a participant on this machine that sends nothing.
pub fn listener() -> Options {
    Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false)
}

/// A participant and everything that its events have told.
pub struct Witness {
    pub participant: Participant,
    pub present: HashSet<ParticipantId>,
    pub states: HashMap<ParticipantId, ConnectionState>,
    pub tracks: HashMap<(ParticipantId, MediaKind), RemoteTrack>,
    pub channels: HashSet<ParticipantId>,
    pub data: Vec<(ParticipantId, String)>,
    /// The named channels that the others have opened to it.
    pub named: Vec<DataChannel>,
    pub closed: Option<CloseReason>,
    /// The slots that it stopped sending, each with the reason.
    pub degraded: Vec<(Slot, String)>,
    /// The slots whose sources have ended.
    pub ended: Vec<Slot>,
    /// Why its screen shares ended.
    pub shares_ended: Vec<String>,
    /// Tracks that are said to be of a screen.
    pub screens: HashMap<ParticipantId, RemoteTrack>,
    /// Further tracks, by their slots.
    pub further: HashMap<(ParticipantId, Slot), RemoteTrack>,
    /// Whether it has lost the server and reconnects.
    pub is_reconnecting: bool,
    /// Whether the room has ended and only media continues.
    pub is_adrift: bool,
    /// The warnings about the mesh's cost, each with the budget.
    pub over_budget: Vec<(MeshCost, u64)>,
    /// Who has spoken, in order; `None` for a time when nobody did.
    pub speakers: Vec<Option<ParticipantId>>,
    /// What it was told that it may do now.
    pub permitted: Vec<Permissions>,
    /// How often its signaling resumed without a loss.
    pub resumed: u32,
}

impl Witness {
    pub fn new(participant: Participant) -> Self {
        Self {
            participant,
            present: HashSet::new(),
            states: HashMap::new(),
            tracks: HashMap::new(),
            channels: HashSet::new(),
            data: Vec::new(),
            named: Vec::new(),
            closed: None,
            degraded: Vec::new(),
            ended: Vec::new(),
            shares_ended: Vec::new(),
            screens: HashMap::new(),
            further: HashMap::new(),
            is_reconnecting: false,
            is_adrift: false,
            over_budget: Vec::new(),
            speakers: Vec::new(),
            permitted: Vec::new(),
            resumed: 0,
        }
    }

    pub fn id(&self) -> ParticipantId {
        self.participant.id()
    }

    /// Takes events until the condition holds.
    pub async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !condition(self) {
                let event = self.participant.next_event().await;
                self.learn(event.unwrap_or_else(|| panic!("the room ended before {what}")));
            }
        };
        if timeout(PATIENCE, waiting).await.is_err() {
            panic!(
                "no {what}; present {:?}, states {:?}, tracks {:?}",
                self.present,
                self.states,
                self.tracks.keys()
            );
        }
    }

    /// Takes the events that are there.
    pub async fn catch_up(&mut self) {
        while let Ok(Some(event)) = timeout(Duration::ZERO, self.participant.next_event()).await {
            self.learn(event);
        }
    }

    fn learn(&mut self, event: Event) {
        match event {
            Event::ActiveSpeaker { participant } => self.speakers.push(participant),
            Event::Closed(reason) => self.closed = Some(reason),
            Event::ConnectionState { participant, state, .. } => {
                self.states.insert(participant, state);
            }
            Event::Data { participant, data } => {
                self.data.push((participant, String::from_utf8(data.to_vec()).unwrap()));
            }
            Event::Degraded { slot, reason } => self.degraded.push((slot, reason.to_string())),
            Event::Ended { slot } => self.ended.push(slot),
            Event::DataChannel(channel) => self.named.push(channel),
            Event::DataChannelOpen { participant } => drop(self.channels.insert(participant)),
            Event::OverBudget { cost, budget } => self.over_budget.push((cost, budget)),
            Event::ParticipantJoined(participant) => drop(self.present.insert(participant.id)),
            Event::ParticipantLeft(id) => {
                self.present.remove(&id);
                self.states.remove(&id);
            }
            Event::IceServers(_) | Event::ParticipantUpdated { .. } | Event::RoomUpdated(_) => {}
            Event::PermissionsChanged(permissions) => self.permitted.push(permissions),
            Event::Reconnecting => self.is_reconnecting = true,
            Event::Rejoined { .. } => self.is_reconnecting = false,
            Event::SignalingLost { .. } => self.is_adrift = true,
            Event::Resumed { lossy } => {
                assert!(!lossy);
                self.is_reconnecting = false;
                self.resumed += 1;
            }
            Event::ShareEnded { reason } => self.shares_ended.push(reason.to_string()),
            Event::Track(track)
                if matches!(track.slot(), Some(Slot::Named(_) | Slot::ScreenAudio)) =>
            {
                let slot = track.slot().unwrap().clone();
                drop(self.further.insert((track.participant(), slot), track));
            }
            Event::Track(track) if track.source() == Some(TrackSource::Screen) => {
                drop(self.screens.insert(track.participant(), track));
            }
            Event::Track(track) => {
                drop(self.tracks.insert((track.participant(), track.kind()), track));
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    pub fn is_connected(&self, to: ParticipantId) -> bool {
        self.states.get(&to) == Some(&ConnectionState::Connected)
    }

    pub fn has_media(&self, from: ParticipantId) -> bool {
        [MediaKind::Audio, MediaKind::Video]
            .iter()
            .all(|kind| self.tracks.contains_key(&(from, *kind)))
    }

    /// Waits for this many new packets.
    pub async fn receive_fresh(&mut self, from: ParticipantId, kind: MediaKind, count: usize) {
        let track = self.tracks.get_mut(&(from, kind)).unwrap();
        while timeout(Duration::ZERO, track.recv()).await.is_ok_and(|packet| packet.is_some()) {}
        self.receive(from, kind, count).await;
    }

    /// Waits for new packets, of the same track or of one that replaced it.
    pub async fn receive_again(&mut self, from: ParticipantId, kind: MediaKind) {
        let mut fresh = 0;
        while fresh < 10 {
            self.until("a track", |seen| seen.tracks.contains_key(&(from, kind))).await;
            let track = self.tracks.get_mut(&(from, kind)).unwrap();
            if fresh == 0 {
                while timeout(Duration::ZERO, track.recv())
                    .await
                    .is_ok_and(|packet| packet.is_some())
                {}
            }
            let packet = timeout(PATIENCE, track.recv()).await;
            match packet.unwrap_or_else(|_| panic!("no {kind:?} from {from}")) {
                Some(packet) => {
                    check(kind, &packet);
                    fresh += 1;
                }
                None => drop(self.tracks.remove(&(from, kind))),
            }
        }
    }

    /// Waits for this many packets, including buffered ones, and checks that each fits its kind.
    pub async fn receive(&mut self, from: ParticipantId, kind: MediaKind, count: usize) {
        let track = self.tracks.get_mut(&(from, kind)).unwrap();
        for _ in 0..count {
            let packet = timeout(PATIENCE, track.recv())
                .await
                .unwrap_or_else(|_| panic!("no {kind:?} from {from}"));
            check(kind, &packet.unwrap_or_else(|| panic!("the {kind:?} of {from} ended")));
        }
    }
}

/// An Opus packet of 20 ms in one frame, or the start of a VP8 payload descriptor with its frame.
fn check(kind: MediaKind, packet: &RtpPacket) {
    // Padding, which probes the bandwidth.
    if packet.payload.is_empty() {
        return;
    }
    match kind {
        MediaKind::Audio => assert_eq!(packet.payload[0] & 0b11, 0, "not one Opus frame"),
        // RFC 7741 section 4.2: the reserved bit is zero.
        MediaKind::Video => assert_eq!(packet.payload[0] & 0b0100_0000, 0, "not VP8"),
    }
}

/// Opens a named channel, and returns both its ends.
pub async fn channel(from: &Witness, to: &mut Witness, label: &str) -> (DataChannel, DataChannel) {
    let opened = from.participant.open_channel(to.id(), label, Delivery::default()).await.unwrap();
    to.until("the channel", |seen| !seen.named.is_empty()).await;
    (opened, to.named.pop().unwrap())
}

/// Two participants in a room of their own.
pub async fn meet(
    server: &TestServer,
    own: Options,
    other: Options,
    comes_first: bool,
) -> (Witness, Witness) {
    let client = client(server);
    let token = server.access_token("alice");
    let (first, second) = if comes_first { (own, other) } else { (other, own) };
    let (room, creator) = client.create(&token, &NewRoom::default(), first).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", second).await.unwrap();
    let (creator, guest) = (Witness::new(creator), Witness::new(guest));
    if comes_first { (creator, guest) } else { (guest, creator) }
}

/// Fills a room; the creator comes first.
pub async fn room_of(
    server: &TestServer,
    size: usize,
    options: Options,
) -> (CreatedRoom, Vec<Witness>) {
    let client = client(server);
    let token = server.access_token("alice");
    let (room, creator) =
        client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
    let mut witnesses = vec![Witness::new(creator)];
    for n in 1..size {
        let guest = client
            .join(&room.room_id, &room.password, &format!("guest {n}"), options.clone())
            .await
            .unwrap();
        witnesses.push(Witness::new(guest));
    }
    (room, witnesses)
}

/// Waits until everybody is connected to everybody and gets audio and video.
pub async fn until_media_flows(witnesses: &mut [Witness]) {
    let ids: Vec<ParticipantId> = witnesses.iter().map(Witness::id).collect();
    for witness in witnesses.iter_mut() {
        let others: Vec<ParticipantId> =
            ids.iter().copied().filter(|id| *id != witness.id()).collect();
        witness
            .until("media from everybody", |seen| {
                others.iter().all(|id| seen.is_connected(*id) && seen.has_media(*id))
            })
            .await;
        for other in others {
            witness.receive(other, MediaKind::Audio, 10).await;
            witness.receive(other, MediaKind::Video, 10).await;
        }
    }
}
