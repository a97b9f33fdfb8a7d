//! A hub with its store and without sockets, which every benchmark of the core drives.

#![allow(dead_code, reason = "shared by several benchmarks, none of which uses all of it")]

use std::time::Duration;

use bytes::Bytes;
use signal_core::config::{HubConfig, RateLimit};
use signal_core::hub::{ClientFrame, Hub, Input, NodeId, Output};
use signal_core::room::{
    Admission, Capacity, Grant, IdSuffix, OnCreatorLeave, Op, PasswordTag, Receipt, ResumeToken,
    Room, RoomSpec, Ticket, TokenHash,
};
use signal_core::store::MemoryStore;
use signal_core::{
    ConnId, DisplayName, Entry, Language, ParticipantId, ProtocolVersion, Randomness, RoomId,
    Timestamp,
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);

/// Creates a room of 50 seats that ends in two hours.
pub(crate) fn new_room(number: usize) -> Room {
    Room::create(RoomSpec {
        id: room_id(number),
        epoch: 1,
        name: "room".into(),
        creator: Some("alice".into()),
        password: Some(PasswordTag::new([7; 32])),
        invite: TokenHash::new([8; 32]),
        capacity: Capacity::new(50).expect("it is within 1 to 500"),
        created_at: NOW,
        expires_at: NOW + Duration::from_secs(7200),
        on_creator_leave: OnCreatorLeave::default(),
        suffix: IdSuffix::new(0),
    })
}

pub(crate) fn room_id(number: usize) -> RoomId {
    let mut rest = number;
    RoomId::from_indices(std::array::from_fn(|_| {
        let index = rest % RoomId::ALPHABET.len();
        rest /= RoomId::ALPHABET.len();
        index as u8
    }))
}

/// A hub and its store. Guests enter the room that was created last.
pub(crate) struct Node {
    hub: Hub,
    store: MemoryStore,
    room: RoomId,
    last_conn: u64,
}

impl Node {
    /// Creates a node with one room.
    pub(crate) fn new() -> Self {
        // The clock stands still, so a budget would never recover.
        let rate = RateLimit::with(|rate| {
            rate.burst_messages = u32::MAX;
            rate.burst_bytes = u32::MAX;
        });
        let config = HubConfig::with(|config| config.rate = rate);
        let (hub, store) = (Hub::new(NodeId(1), config), MemoryStore::new());
        let mut node = Self { hub, store, room: room_id(LAST_ROOM), last_conn: 0 };
        node.create_room(LAST_ROOM);
        node
    }

    pub(crate) fn create_room(&mut self, number: usize) {
        self.room = room_id(number);
        self.store.create(new_room(number)).expect("the numbers differ");
    }

    pub(crate) fn connect_guest(&mut self) -> (ConnId, ParticipantId) {
        let admit = Op::Admit {
            by: Admission::Password(PasswordTag::new([7; 32])),
            client: None,
            suffix: IdSuffix::new(0),
        };
        match self.store.apply(self.room, &admit, NOW).reply {
            Ok(Receipt::Entered { id }) => (self.connect(Ticket::Guest(id)), id),
            other => panic!("the guest was not admitted: {other:?}"),
        }
    }

    pub(crate) fn connect(&mut self, ticket: Ticket) -> ConnId {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        let name = DisplayName::parse("参与者").expect("short").expect("not empty");
        let entry = Entry::Attach { grant: Grant::new(ticket, 0), name, ice: None };
        let resume_token = ResumeToken::new("token", TokenHash::new([9; 32]));
        let randomness = Randomness { suffix: IdSuffix::new(0), resume_token };
        let (room, protocol, language) = (self.room, ProtocolVersion::V1, Language::Zh);
        self.handle(Input::Open {
            conn,
            room,
            protocol,
            language,
            entry,
            randomness,
            client: None,
        });
        conn
    }

    /// Decodes a frame and hands it in. Returns how often it was delivered.
    pub(crate) fn say(&mut self, conn: ConnId, frame: &Bytes) -> usize {
        let frame = self.decode(frame);
        self.handle(Input::Frame { conn, frame })
    }

    pub(crate) fn decode(&self, frame: &Bytes) -> ClientFrame {
        self.hub.decoder(ProtocolVersion::V1).decode(frame)
    }

    /// Handles one input and acknowledges every frame. Returns the number of frames delivered.
    pub(crate) fn handle(&mut self, input: Input) -> usize {
        self.hub.handle_input(input, NOW);
        let mut delivered = 0;
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Broadcast { to, frame, .. } => {
                    delivered += to.len();
                    for &conn in to.iter() {
                        self.acknowledge(conn, &frame);
                    }
                }
                Output::Commit { op, room, change } => {
                    let applied = self.store.apply(room, &change, NOW);
                    self.hub.handle_input(Input::Committed { op, applied }, NOW);
                }
                Output::Frame { to, frame } => {
                    delivered += 1;
                    self.acknowledge(to, &frame);
                }
                _ => {}
            }
        }
        delivered
    }

    fn acknowledge(&mut self, conn: ConnId, frame: &Bytes) {
        self.hub.handle_input(Input::Sent { conn, bytes: frame.len() }, NOW);
    }
}

/// The frames with which two negotiate: an offer, an answer, and candidates of each side.
pub(crate) fn negotiation_of(
    (offerer, offerer_id): (ConnId, ParticipantId),
    (answerer, answerer_id): (ConnId, ParticipantId),
) -> Vec<(ConnId, Bytes)> {
    let sdp = r"v=0\r\no=- 46117317 2 IN IP4 127.0.0.1\r\n".repeat(60);
    let sdp = format!(r#""sdp":"{sdp}""#);
    let candidate = r#""candidate":{"candidate":"candidate:1 1 udp 2113937151 10.0.0.1 50000 typ host","sdpMid":"0"}"#;
    let frame = |conn: ConnId, kind: &str, to: ParticipantId, field: &str| {
        (conn, Bytes::from(format!(r#"{{"type":"{kind}","to":"{to}",{field}}}"#)))
    };
    let mut frames = vec![
        frame(offerer, "offer", answerer_id, &sdp),
        frame(answerer, "answer", offerer_id, &sdp),
    ];
    for _ in 0..CANDIDATES {
        frames.push(frame(offerer, "candidate", answerer_id, candidate));
        frames.push(frame(answerer, "candidate", offerer_id, candidate));
    }
    frames
}

/// The number of candidates of each side.
pub(crate) const CANDIDATES: usize = 6;
/// The benchmarks number their own rooms from 0, far from this.
const LAST_ROOM: usize = 1_000_000;
