//! Calls with media whose server is killed or replaced.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use client_sdk::{
    Client, Event, MediaKind, NewRoom, Options, Participant, ParticipantId, RemoteTrack, Source,
};
use tokio::time::timeout;

use crate::common::Api;
use crate::common::program::Durable;

/// Long enough for a busy machine; reached only if something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_mid_call_stops_no_frame_and_nobody_leaves() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Durable::start(data.path()).await;
    let mut call = call_of(3, server.address).await;
    for time in 1..=2 {
        server = server.crash_and_restart().await;
        call.everybody_is_back(time).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_stops_no_frame_and_nobody_leaves() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Durable::start(data.path()).await;
    let mut call = call_of(3, server.address).await;
    for time in 1..=2 {
        server.running.signal("TERM");
        server = server.restart_when_ended().await;
        call.everybody_is_back(time).await;
    }
}

/// Participants who are all connected to each other.
struct Call {
    witnesses: Vec<Witness>,
}

struct Witness {
    participant: Participant,
    tracks: HashMap<(ParticipantId, MediaKind), RemoteTrack>,
    resumed: u32,
}

async fn call_of(size: usize, server: SocketAddr) -> Call {
    let client = Client::new(&format!("http://{server}")).unwrap();
    let talker = || {
        Options::new()
            .bind_address(Ipv4Addr::LOCALHOST)
            .mdns(false)
            .audio(Source::Clip)
            .video(Source::Clip)
    };
    let token = Api::at(server).access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let mut witnesses = vec![Witness::new(creator)];
    for _ in 1..size {
        let guest = client.join(&room.room_id, &room.password, "guest", talker()).await.unwrap();
        witnesses.push(Witness::new(guest));
    }
    for witness in &mut witnesses {
        witness.until("media of everybody", |seen| seen.tracks.len() == 2 * (size - 1)).await;
        witness.receive_fresh().await;
    }
    Call { witnesses }
}

impl Call {
    /// Each has come back that many times, under its own id, and hears and sees the others.
    async fn everybody_is_back(&mut self, times: u32) {
        // Media between participants does not need the server any more.
        for witness in &mut self.witnesses {
            witness.receive_fresh().await;
        }
        let before: Vec<_> =
            self.witnesses.iter().map(|witness| witness.participant.id()).collect();
        for witness in &mut self.witnesses {
            witness.until("resumption", |seen| seen.resumed >= times).await;
        }
        for witness in &mut self.witnesses {
            witness.receive_fresh().await;
        }
        let after: Vec<_> = self.witnesses.iter().map(|witness| witness.participant.id()).collect();
        assert_eq!(after, before);
    }
}

impl Witness {
    fn new(participant: Participant) -> Self {
        Self { participant, tracks: HashMap::new(), resumed: 0 }
    }

    async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !condition(self) {
                let event = self.participant.next_event().await;
                self.learn(event.unwrap_or_else(|| panic!("the room ended before {what}")));
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("no {what}"));
    }

    fn learn(&mut self, event: Event) {
        match event {
            Event::ParticipantLeft(id) => panic!("{id} left for {}", self.participant.id()),
            Event::Rejoined { .. } | Event::Closed(_) => panic!("not resumed: {event:?}"),
            Event::Resumed { .. } => self.resumed += 1,
            Event::Track(track) => {
                drop(self.tracks.insert((track.participant(), track.kind()), track));
            }
            _ => {}
        }
    }

    /// Waits for packets on every track that were not there yet.
    async fn receive_fresh(&mut self) {
        for ((from, kind), track) in &mut self.tracks {
            while timeout(Duration::ZERO, track.recv()).await.is_ok_and(|packet| packet.is_some()) {
            }
            for _ in 0..20 {
                let packet = timeout(PATIENCE, track.recv()).await;
                assert!(packet.is_ok_and(|packet| packet.is_some()), "no {kind:?} of {from}");
            }
        }
    }
}
