//! A hub with its store and without sockets: what every benchmark of the core drives.

use bytes::Bytes;
use signal_core::{
    Capacity, ConnId, DisplayName, Hub, HubConfig, IdSuffix, Input, Language, MemoryStore, NewRoom, NodeId,
    Op, Output, ParticipantId, PasswordTag, Receipt, Room, RoomId, Ticket, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);

pub(crate) struct Node {
    hub: Hub,
    store: MemoryStore,
    room: RoomId,
    last_conn: u64,
}

impl Node {
    /// A node with one room of 50 seats.
    pub(crate) fn new() -> Self {
        let room = RoomId::from_indices([0; 6]);
        let new = NewRoom {
            id: room,
            epoch: 1,
            name: "room".into(),
            creator: "alice".into(),
            password: PasswordTag::new([7; 32]),
            capacity: Capacity::new(Capacity::MAX).expect("the largest capacity is one"),
            expires_at: Timestamp::from_millis(NOW.as_millis() + 3_600_000),
            suffix: IdSuffix::new(0),
        };
        let mut store = MemoryStore::new();
        store.create(Room::create(new)).expect("the store is empty");
        Self { hub: Hub::new(NodeId(1), HubConfig::default()), store, room, last_conn: 0 }
    }

    pub(crate) fn connect_guest(&mut self) -> (ConnId, ParticipantId) {
        let admit = Op::Admit { password: PasswordTag::new([7; 32]), suffix: IdSuffix::new(0) };
        match self.store.apply(self.room, &admit, NOW).reply {
            Ok(Receipt::Entered { id }) => (self.connect(Ticket::Guest(id)), id),
            other => panic!("the guest was not admitted: {other:?}"),
        }
    }

    pub(crate) fn connect(&mut self, ticket: Ticket) -> ConnId {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        let name = DisplayName::parse("参与者").expect("short").expect("not empty");
        let (room, suffix) = (self.room, IdSuffix::new(0));
        self.handle(Input::Open { conn, room, ticket, name, language: Language::Zh, suffix });
        conn
    }

    /// Hands one thing in and drains, acknowledging every frame; returns how many were delivered.
    pub(crate) fn handle(&mut self, input: Input) -> usize {
        self.hub.handle_input(input, NOW);
        let mut delivered = 0;
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Broadcast { to, frame } => {
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
