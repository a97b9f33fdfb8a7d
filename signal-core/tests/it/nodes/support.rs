//! Two hubs, a store whose answers the test controls, and the messages of each connection. Rooms,
//! operations and frames are bytes on their way, as between processes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use signal_core::config::HubConfig;
use signal_core::hub::{Disconnect, Hub, Input, NodeFrame, NodeId, OpId, Output};
use signal_core::message::HostMessageRefusal;
use signal_core::room::{
    Admission, Capacity, Grant, IdSuffix, OnCreatorLeave, Op, PasswordTag, Receipt, ResumeToken,
    Room, RoomSpec, Ticket, TokenHash,
};
use signal_core::store::{Applied, MemoryStore};
use signal_core::{
    CloseCode, ConnId, DisplayName, Entry, Language, ParticipantId, ProtocolVersion, Randomness,
    RoomId, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);

/// An operation that was applied, and the node that its answer is for.
pub(crate) type Answer = (usize, OpId, Applied);

pub(crate) struct Nodes {
    hubs: [Hub; 2],
    pub(crate) store: MemoryStore,
    pub(crate) room: RoomId,
    conns: BTreeMap<ConnId, usize>,
    told: BTreeMap<ConnId, Vec<Value>>,
    closed: BTreeMap<ConnId, CloseCode>,
    pub(crate) frames: Vec<(usize, NodeId, NodeFrame)>,
    pub(crate) commits: Vec<(usize, OpId, Op)>,
    /// Who did not get a message of the host's, by the node that it was handed to.
    pub(crate) refusals: Vec<(usize, HostMessageRefusal)>,
}

impl Nodes {
    pub(crate) fn new() -> Self {
        Self::with_config(&HubConfig::default())
    }

    pub(crate) fn with_config(config: &HubConfig) -> Self {
        let new = room_spec(1, NOW);
        let room = new.id;
        let mut store = MemoryStore::new();
        store.create(Room::create(new)).unwrap();
        Self {
            hubs: [1, 2].map(|node| Hub::new(NodeId(node), config.clone())),
            store,
            room,
            conns: BTreeMap::new(),
            told: BTreeMap::new(),
            closed: BTreeMap::new(),
            frames: Vec::new(),
            commits: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Connects somebody who speaks v2, and lets the store answer.
    pub(crate) fn join(&mut self, node: usize) -> (ConnId, ParticipantId) {
        let conn = self.open(node);
        self.settle();
        let joined = self.take(conn).remove(0);
        (conn, joined["participant_id"].as_str().unwrap().parse().unwrap())
    }

    pub(crate) fn open(&mut self, node: usize) -> ConnId {
        let by = Admission::Password(PasswordTag::new([7; 32]));
        let admit = Op::Admit { by, client: None, suffix: IdSuffix::new(0) };
        let Receipt::Entered { id } = self.store.apply(self.room, &admit, NOW).reply.unwrap()
        else {
            unreachable!()
        };
        let grant = Grant::new(Ticket::Guest(id), 0);
        let name = DisplayName::parse("guest").unwrap().unwrap();
        self.enter(node, Entry::Attach { grant, name, ice: None })
    }

    /// Comes back, having received one message, with the token that an earlier connection was
    /// given.
    pub(crate) fn resume(&mut self, node: usize, earlier: ConnId) -> ConnId {
        self.enter(node, Entry::Resume { token: token(earlier), last_seq: 1, ice: None })
    }

    fn enter(&mut self, node: usize, entry: Entry) -> ConnId {
        let conn = ConnId(self.conns.len() as u64);
        self.conns.insert(conn, node);
        let resume_token = ResumeToken::new("token", token(conn));
        let open = Input::Open {
            conn,
            room: self.room,
            protocol: ProtocolVersion::V2,
            language: Language::En,
            entry,
            randomness: Randomness { suffix: IdSuffix::new(0), resume_token },
            client: None,
        };
        self.input(node, open);
        conn
    }

    /// The socket ends.
    pub(crate) fn lose(&mut self, conn: ConnId, how: Disconnect) {
        self.input(self.conns[&conn], Input::Lost { conn, how });
    }

    pub(crate) fn node_of(&self, conn: ConnId) -> usize {
        self.conns[&conn]
    }

    pub(crate) fn closed(&self, conn: ConnId) -> Option<CloseCode> {
        self.closed.get(&conn).copied()
    }

    pub(crate) fn say(&mut self, conn: ConnId, frame: impl Into<bytes::Bytes>) {
        let node = self.conns[&conn];
        let frame = self.hubs[node].decoder(ProtocolVersion::V2).decode(&frame.into());
        self.input(node, Input::Frame { conn, frame });
    }

    pub(crate) fn input(&mut self, node: usize, input: Input) {
        self.hubs[node].handle_input(input, NOW);
        while let Some(output) = self.hubs[node].poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    for conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.tell(*conn, &frame);
                    }
                }
                Output::Commit { op, change, .. } => self.commits.push((node, op, change)),
                Output::Close { conn, code } => drop(self.closed.insert(conn, code)),
                Output::Frame { to, frame } => self.tell(to, &frame),
                Output::ToNode { node: to, frame } => self.frames.push((node, to, frame)),
                Output::HostMessageRefused(refusal) => self.refusals.push((node, refusal)),
                Output::OverRate { .. } | Output::Watch(_) | Output::Unwatch(_) => {}
                Output::Authorize { .. } | Output::IceServersWanted { .. } | Output::ToHost(_) => {
                    panic!("not expected: {output:?}")
                }
            }
        }
    }

    fn tell(&mut self, conn: ConnId, frame: &[u8]) {
        self.told.entry(conn).or_default().push(serde_json::from_slice(frame).unwrap());
    }

    /// Applies the requested operations and sends both nodes the records, but not the answers.
    pub(crate) fn apply(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (node, op, change) in std::mem::take(&mut self.commits) {
            let change = Op::from_bytes(&change.to_bytes()).unwrap();
            let applied = self.store.apply(self.room, &change, NOW);
            let record = applied.record.as_ref().unwrap().to_bytes();
            for other in 0..2 {
                let record = Room::from_bytes(&record).unwrap();
                self.input(other, Input::Record(record.into()));
            }
            answers.push((node, op, applied));
        }
        answers
    }

    pub(crate) fn answer(&mut self, answers: Vec<Answer>) {
        for (node, op, applied) in answers {
            self.input(node, Input::Committed { op, applied });
        }
    }

    /// Applies and answers operations until none is requested any more.
    pub(crate) fn settle(&mut self) {
        while !self.commits.is_empty() {
            let answers = self.apply();
            self.answer(answers);
        }
    }

    /// Passes on the messages between the nodes.
    pub(crate) fn pass(&mut self) {
        for (from, NodeId(to), frame) in std::mem::take(&mut self.frames) {
            let from = NodeId(from as u64 + 1);
            let frame = NodeFrame::from_bytes(&frame.to_bytes()).unwrap();
            self.input(usize::try_from(to).unwrap() - 1, Input::FromNode { from, frame });
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        NOW
    }

    pub(crate) fn record(&self) -> &Arc<Room> {
        self.store.room(self.room).unwrap()
    }

    pub(crate) fn newest(&self) -> ParticipantId {
        self.record().seats().last().unwrap().id
    }

    pub(crate) fn take(&mut self, conn: ConnId) -> Vec<Value> {
        self.told.remove(&conn).unwrap_or_default()
    }

    pub(crate) fn types(&mut self, conn: ConnId) -> Vec<String> {
        self.take(conn).iter().map(|told| told["type"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn room_spec(epoch: u64, created_at: Timestamp) -> RoomSpec {
    RoomSpec {
        id: RoomId::from_indices([0; 6]),
        epoch,
        name: "room".into(),
        creator: Some("alice".into()),
        password: Some(PasswordTag::new([7; 32])),
        invite: TokenHash::new([8; 32]),
        capacity: Capacity::default(),
        created_at,
        expires_at: created_at + Duration::from_secs(3600),
        on_creator_leave: OnCreatorLeave::default(),
        suffix: IdSuffix::new(0),
    }
}

fn token(of: ConnId) -> TokenHash {
    TokenHash::new([u8::try_from(of.0).unwrap(); 32])
}
