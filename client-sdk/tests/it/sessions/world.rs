//! Participants, a hub, and the links between them.

mod server;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use client_sdk::ParticipantId;
use client_sdk::session::{Action, Reconnect, Session, SessionEvent, SignalingLoss};
use signal_core::config::HubConfig;
use signal_core::hub::{Disconnect, Hub, Input, NodeId};
use signal_core::room::{
    Capacity, Grant, IdSuffix, OnCreatorLeave, PasswordTag, Room, RoomSpec, TokenHash,
};
use signal_core::store::MemoryStore;
use signal_core::wire::{decode_server, encode_client};
use signal_core::{ConnId, ProtocolVersion, RoomId, Timestamp};

use super::connection::FakeConnection;
use super::random::Random;

/// One participant: its session, its connections and its signaling link.
struct Participant {
    session: Session,
    grant: Grant,
    /// What it sends to everybody.
    media: u32,
    connections: BTreeMap<ParticipantId, FakeConnection>,
    /// The socket, unless it is lost.
    conn: Option<ConnId>,
    up: VecDeque<Bytes>,
    down: VecDeque<Bytes>,
    /// How it is coming back.
    reconnect: Option<Reconnect>,
    present: Vec<ParticipantId>,
    has_left: bool,
}

pub(crate) struct World {
    hub: Hub,
    store: MemoryStore,
    /// The hub's clock.
    now: Timestamp,
    /// The participants' clock.
    at: Instant,
    room: RoomId,
    size: usize,
    protocol: ProtocolVersion,
    participants: Vec<Participant>,
    last_number: u64,
}

impl World {
    pub(crate) fn new(size: usize, protocol: ProtocolVersion) -> Self {
        let room = RoomId::from_indices([0; 6]);
        let now = Timestamp::from_millis(1_764_943_200_000);
        let mut store = MemoryStore::new();
        let new = RoomSpec {
            id: room,
            epoch: 1,
            name: "room".into(),
            creator: Some("alice".into()),
            password: Some(PasswordTag::new([7; 32])),
            invite: TokenHash::new([8; 32]),
            capacity: Capacity::new(50).unwrap(),
            created_at: now,
            expires_at: now + Duration::from_secs(36_000),
            on_creator_leave: OnCreatorLeave::Keep,
            suffix: IdSuffix::new(0),
        };
        store.create(Room::create(new)).unwrap();
        let hub = Hub::new(NodeId(1), HubConfig::default());
        let at = Instant::now();
        Self { hub, store, now, at, room, size, protocol, participants: Vec::new(), last_number: 0 }
    }

    pub(crate) fn join_one(&mut self) {
        if self.participants.len() >= self.size {
            return;
        }
        let grant = self.admit();
        let index = self.participants.len();
        self.participants.push(Participant {
            session: Session::new(),
            grant,
            media: 0,
            connections: BTreeMap::new(),
            conn: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            reconnect: None,
            present: Vec::new(),
            has_left: false,
        });
        self.open(index, Reconnect::Attach);
    }

    pub(crate) fn restart_ice(&mut self, random: &mut Random) {
        let index = random.below(self.participants.len().max(1));
        let Some(participant) = self.participants.get_mut(index) else { return };
        if let Some(peer) = random.pick(&participant.present) {
            participant.session.restart_ice(*peer);
            self.act(index);
        }
    }

    /// A connection does not get through any more, or breaks down.
    pub(crate) fn fail_one(&mut self, random: &mut Random) {
        let how = random.below(3);
        let Some(connection) = self.any_connection(random) else { return };
        match how {
            0 => connection.break_down(),
            1 => connection.fail(false),
            _ => connection.fail(true),
        }
    }

    /// Nothing arrives anywhere for a while.
    pub(crate) fn stall(&mut self, random: &mut Random) {
        self.pass(Duration::from_millis(random.below(25_000) as u64));
    }

    /// Lets time pass for everybody.
    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.at += time;
        if self.hub.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
            self.hub.handle_timeout(self.now);
            self.carry_out();
        }
        for index in 0..self.participants.len() {
            let participant = &mut self.participants[index];
            if participant.session.poll_timeout().is_some_and(|deadline| deadline <= self.at) {
                participant.session.handle_timeout(self.at);
                self.act(index);
            }
        }
    }

    /// Somebody begins or ceases to send something.
    pub(crate) fn change_media(&mut self, random: &mut Random) {
        let index = random.below(self.participants.len().max(1));
        let Some(participant) = self.participants.get_mut(index) else { return };
        participant.media += 1;
        for connection in participant.connections.values_mut() {
            connection.change_media(participant.media);
        }
        participant.session.handle_media_changed();
        self.act(index);
    }

    fn any_connection(&mut self, random: &mut Random) -> Option<&mut FakeConnection> {
        let index = random.below(self.participants.len().max(1));
        let connections = &mut self.participants.get_mut(index)?.connections;
        let peers: Vec<ParticipantId> = connections.keys().copied().collect();
        connections.get_mut(random.pick(&peers)?)
    }

    /// A socket breaks: what is on its way in either direction is lost.
    pub(crate) fn cut_a_socket(&mut self, random: &mut Random) {
        let index = random.below(self.participants.len().max(1));
        if index < self.participants.len() {
            self.cut(index);
            self.act(index);
        }
    }

    fn cut(&mut self, index: usize) {
        let participant = &mut self.participants[index];
        let Some(conn) = participant.conn.take() else { return };
        participant.up.clear();
        participant.down.clear();
        self.input(Input::Lost { conn, how: Disconnect::Abrupt });
        let loss = SignalingLoss::Lost { code: None, reason: "cut".into() };
        self.participants[index].session.handle_signaling_loss(loss, 0.0, self.at);
    }

    pub(crate) fn leave_one(&mut self, random: &mut Random) {
        let index = random.below(self.participants.len().max(1));
        let Some(participant) = self.participants.get_mut(index) else { return };
        // Somebody has to stay. Without a socket, the farewell follows once there is one.
        if index > 0 && !participant.has_left {
            participant.session.leave();
            self.act(index);
        }
    }

    /// Something happens, somewhere.
    pub(crate) fn step(&mut self, random: &mut Random) {
        self.pass(Duration::from_millis(random.below(10) as u64));
        let index = random.below(self.participants.len().max(1));
        let Some(participant) = self.participants.get_mut(index) else { return };
        match random.below(5) {
            0 => {
                if let (Some(frame), Some(conn)) = (participant.up.pop_front(), participant.conn) {
                    let frame = self.hub.decoder(self.protocol).decode(&frame);
                    self.input(Input::Frame { conn, frame });
                }
            }
            1 => {
                if let Some(frame) = participant.down.pop_front() {
                    let message = decode_server(&frame).unwrap();
                    if let Some(conn) = participant.conn {
                        self.input(Input::Sent { conn, bytes: frame.len() });
                    }
                    self.participants[index].session.handle_message(message, self.at);
                    self.act(index);
                }
            }
            2 => {
                if let Some(how) = participant.reconnect.take() {
                    self.open(index, how);
                }
            }
            3 => {
                let peers: Vec<ParticipantId> = participant.connections.keys().copied().collect();
                if let Some(peer) = random.pick(&peers) {
                    participant.connections.get_mut(peer).unwrap().work(random);
                    self.connect(index, *peer);
                }
            }
            _ => {
                let peers: Vec<ParticipantId> = participant.connections.keys().copied().collect();
                let Some(peer) = random.pick(&peers) else { return };
                let connection = participant.connections.get_mut(peer).unwrap();
                if let Some(report) = connection.tell(random) {
                    let number = connection.number;
                    participant.session.handle_report(*peer, number, report, self.at);
                    self.act(index);
                }
            }
        }
    }

    /// Lets everything that is under way arrive, and then everything happen that somebody waits
    /// for.
    pub(crate) fn settle(&mut self, random: &mut Random) {
        for _ in 0..200_000 {
            if self.is_busy() {
                self.step(random);
                continue;
            }
            let there =
                self.there().filter_map(|index| self.participants[index].session.poll_timeout());
            let Some(next) = there.min().map(|next| next.saturating_duration_since(self.at)) else {
                return;
            };
            // Credentials that expire in hours have nothing to do with it.
            if next > Duration::from_secs(600) {
                return;
            }
            self.pass(next);
        }
        panic!("it does not come to rest");
    }

    fn is_busy(&self) -> bool {
        self.participants.iter().any(|participant| {
            !participant.up.is_empty()
                || !participant.down.is_empty()
                || participant.reconnect.is_some()
                || participant.connections.values().any(FakeConnection::is_busy)
        })
    }

    /// Every pair is connected, and still able to negotiate.
    pub(crate) fn assert_connected(&mut self, random: &mut Random) {
        self.assert_pairs_agree();
        let there: Vec<usize> = self.there().collect();
        for (position, &a) in there.iter().enumerate() {
            for &b in &there[position + 1..] {
                let b_id = self.participants[b].session.id().unwrap();
                let before = self.participants[a].connections[&b_id].end();
                self.participants[a].session.restart_ice(b_id);
                self.act(a);
                self.settle(random);
                let after = self.participants[a].connections[&b_id].end();
                assert_ne!(before, after, "{a} cannot offer to {b} any more");
            }
        }
        self.assert_pairs_agree();
    }

    fn assert_pairs_agree(&self) {
        for a in self.there() {
            for b in self.there().filter(|b| *b != a) {
                let (one, other) = (&self.participants[a], &self.participants[b]);
                let (a_id, b_id) = (one.session.id().unwrap(), other.session.id().unwrap());
                let here = one
                    .connections
                    .get(&b_id)
                    .unwrap_or_else(|| panic!("{a_id} has nothing with {b_id}"));
                let there = other
                    .connections
                    .get(&a_id)
                    .unwrap_or_else(|| panic!("{b_id} has nothing with {a_id}"));
                assert!(
                    here.agrees_with(there),
                    "{a_id} and {b_id} do not agree: {here:#?} {there:#?}"
                );
                assert!(
                    here.is_connected_to(there),
                    "{a_id} does not get through to {b_id}: {here:#?} {there:#?}"
                );
                assert!(
                    here.has_negotiated_media(),
                    "{b_id} does not know what {a_id} sends: {here:#?}"
                );
            }
        }
    }

    fn there(&self) -> impl Iterator<Item = usize> {
        (0..self.participants.len()).filter(|index| !self.participants[*index].has_left)
    }

    /// Lets both ends of a connection get through, if they can.
    fn connect(&mut self, index: usize, peer: ParticipantId) {
        let Some(me) = self.participants[index].session.id() else { return };
        let Some(other) =
            self.there().find(|other| self.participants[*other].session.id() == Some(peer))
        else {
            return;
        };
        for (from, to, from_id, to_id) in [(index, other, me, peer), (other, index, peer, me)] {
            let Some(mut here) = self.participants[from].connections.remove(&to_id) else { return };
            if let Some(there) = self.participants[to].connections.get(&from_id) {
                here.connect(there);
            }
            self.participants[from].connections.insert(to_id, here);
        }
    }

    /// Does what the session wants.
    fn act(&mut self, index: usize) {
        while let Some(action) = self.participants[index].session.poll_action() {
            let participant = &mut self.participants[index];
            match action {
                Action::Close { peer } => drop(participant.connections.remove(&peer)),
                Action::CloseSignaling => self.cut(index),
                Action::Connection { peer, command } => {
                    participant
                        .connections
                        .get_mut(&peer)
                        .expect("a command to no connection")
                        .command(command);
                }
                Action::Event(event) => match event {
                    SessionEvent::Closed(_) => participant.has_left = true,
                    SessionEvent::ParticipantJoined(other) => participant.present.push(other.id),
                    SessionEvent::ParticipantLeft(id) => {
                        participant.present.retain(|present| *present != id);
                    }
                    _ => {}
                },
                Action::Open { peer, connection, .. } => {
                    self.last_number += 1;
                    let opened =
                        FakeConnection::new(connection, self.last_number, participant.media);
                    let before = participant.connections.insert(peer, opened);
                    assert!(before.is_none(), "two connections to {peer}");
                }
                Action::Reconnect { how, .. } => participant.reconnect = Some(how),
                Action::Request(request) => {
                    participant.up.push_back(encode_client(&request.message, request.req.as_ref()));
                }
                Action::Send(message) => participant.up.push_back(encode_client(&message, None)),
                Action::UseIceServers(_) => {}
            }
        }
    }
}
