//! One node without sockets: a hub, its store, and the outputs of both.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use signal_core::config::HubConfig;
use signal_core::hub::{Disconnect, Hub, Input, NodeId, Output};
use signal_core::ice::IceServers;
use signal_core::message::{HostMessageRefusal, MessageToHost, Payload};
use signal_core::room::{
    Admission, Capacity, Grant, IdSuffix, OnCreatorLeave, Op, PasswordTag, Receipt, ResumeToken,
    Room, RoomSpec, Ticket, TokenHash,
};
use signal_core::store::MemoryStore;
use signal_core::{
    CloseCode, ConnId, DisplayName, Entry, Language, ParticipantId, ProtocolVersion, Randomness,
    RoomId, Timestamp,
};

pub const START: Timestamp = Timestamp::from_millis(1_764_943_200_000);
pub const LIFE: Duration = Duration::from_secs(3600);

pub struct Node {
    pub hub: Hub,
    pub store: MemoryStore,
    pub now: Timestamp,
    pub room: RoomId,
    received: HashMap<ConnId, Vec<Bytes>>,
    closed: HashMap<ConnId, CloseCode>,
    protocols: HashMap<ConnId, ProtocolVersion>,
    broadcasts: usize,
    over_rate: HashMap<ConnId, usize>,
    /// The refusals of host messages.
    pub refusals: Vec<HostMessageRefusal>,
    /// The messages of participants to the host.
    pub to_host: Vec<MessageToHost>,
    /// Connections that read nothing on their own.
    unread: HashSet<ConnId>,
    next_conn: u64,
}

impl Node {
    /// A node with one room, whose creator has not connected yet.
    pub fn new(capacity: u16) -> Self {
        Self::with_config(capacity, HubConfig::default())
    }

    pub fn with_config(capacity: u16, config: HubConfig) -> Self {
        let mut node = Self {
            hub: Hub::new(NodeId(1), config),
            store: MemoryStore::new(),
            now: START,
            room: RoomId::from_indices([0; 6]),
            received: HashMap::new(),
            closed: HashMap::new(),
            protocols: HashMap::new(),
            broadcasts: 0,
            over_rate: HashMap::new(),
            refusals: Vec::new(),
            to_host: Vec::new(),
            unread: HashSet::new(),
            next_conn: 0,
        };
        node.create_room(1, capacity);
        node
    }

    /// Creates a room, which all later calls are about.
    pub fn create_room(&mut self, number: u8, capacity: u16) {
        self.room = RoomId::from_indices([number; 6]);
        let new = RoomSpec {
            id: self.room,
            epoch: 1,
            name: "room".into(),
            creator: Some("alice".into()),
            password: Some(PasswordTag::new([7; 32])),
            invite: TokenHash::new([8; 32]),
            capacity: Capacity::new(capacity).unwrap(),
            created_at: self.now,
            expires_at: self.now + LIFE,
            on_creator_leave: OnCreatorLeave::default(),
            suffix: IdSuffix::new(0),
        };
        self.store.create(Room::create(new)).unwrap();
    }

    /// What `join` does.
    pub fn join(&mut self) -> Ticket {
        let by = Admission::Password(PasswordTag::new([7; 32]));
        match self.apply(&Op::Admit { by, client: None, suffix: IdSuffix::new(0) }) {
            Receipt::Entered { id } => Ticket::Guest(id),
            other => panic!("no id in {other:?}"),
        }
    }

    /// Tries a wrong password as a stranger.
    pub fn guess(&mut self) {
        let by = Admission::Password(PasswordTag::new([0; 32]));
        let wrong = Op::Admit { by, client: None, suffix: IdSuffix::new(0) };
        let applied = self.store.apply(self.room, &wrong, self.now);
        self.input(Input::Record(applied.record.unwrap()));
    }

    /// Changes the room and tells the hub, as a REST request does.
    pub fn apply(&mut self, op: &Op) -> Receipt {
        let applied = self.store.apply(self.room, op, self.now);
        self.input(Input::Record(applied.record.unwrap()));
        applied.reply.unwrap()
    }

    /// Connects with a ticket, without waiting for anything.
    pub fn open(&mut self, ticket: Ticket, name: &str) -> ConnId {
        let open = self.open_input(ticket, name);
        self.open_with(open)
    }

    pub fn open_v2(&mut self, ticket: Ticket, name: &str) -> ConnId {
        let entry = attach(ticket, name);
        let open = self.entry_input(entry, ProtocolVersion::V2);
        self.open_with(open)
    }

    /// Connects with a resume token, having received this many messages.
    pub fn resume(&mut self, token: &str, last_seq: u64) -> ConnId {
        let entry = Entry::Resume { token: hash(token), last_seq, ice: None };
        let open = self.entry_input(entry, ProtocolVersion::V2);
        self.open_with(open)
    }

    /// Connects a participant that the host has not admitted yet.
    pub fn ask(&mut self) -> ConnId {
        let open = self.entry_input(Entry::Ask { credential: Bytes::new() }, ProtocolVersion::V1);
        self.open_with(open)
    }

    fn open_with(&mut self, open: Input) -> ConnId {
        let Input::Open { conn, .. } = open else { unreachable!() };
        self.input(open);
        conn
    }

    pub fn open_input(&mut self, ticket: Ticket, name: &str) -> Input {
        self.entry_input(attach(ticket, name), ProtocolVersion::V1)
    }

    pub fn entry_input(&mut self, entry: Entry, protocol: ProtocolVersion) -> Input {
        self.next_conn += 1;
        self.protocols.insert(ConnId(self.next_conn), protocol);
        let text = format!("token {}", self.next_conn);
        let resume_token = ResumeToken::new(text.as_str(), hash(&text));
        Input::Open {
            conn: ConnId(self.next_conn),
            room: self.room,
            protocol,
            language: Language::En,
            entry,
            randomness: Randomness { suffix: IdSuffix::new(0), resume_token },
            client: None,
        }
    }

    /// Connects a guest and returns its connection and id. Its messages so far are discarded.
    pub fn guest(&mut self, name: &str) -> (ConnId, ParticipantId) {
        let ticket = self.join();
        self.seated(ticket, name)
    }

    /// Connects the creator; see [`guest`](Self::guest).
    pub fn creator(&mut self) -> (ConnId, ParticipantId) {
        self.seated(Ticket::Creator, "creator")
    }

    fn seated(&mut self, ticket: Ticket, name: &str) -> (ConnId, ParticipantId) {
        let conn = self.open(ticket, name);
        let joined = self.take(conn);
        assert_eq!(joined[0]["type"], "joined");
        (conn, id(&joined[0]))
    }

    /// Connects a guest that speaks v2; see [`guest`](Self::guest). Returns its resume token too.
    pub fn guest_v2(&mut self, name: &str) -> (ConnId, ParticipantId, String) {
        let ticket = self.join();
        let conn = self.open_v2(ticket, name);
        let joined = self.take(conn);
        assert_eq!((&joined[0]["type"], &joined[0]["v"]), (&"joined".into(), &2.into()));
        (conn, id(&joined[0]), joined[0]["resume_token"].as_str().unwrap().to_owned())
    }

    pub fn say(&mut self, conn: ConnId, frame: impl Into<Bytes>) {
        let frame = self.frame(conn, frame);
        self.input(frame);
    }

    /// A frame of that connection, as it is handed in.
    pub fn frame(&self, conn: ConnId, frame: impl Into<Bytes>) -> Input {
        let decoder = self.hub.decoder(self.protocols[&conn]);
        Input::Frame { conn, frame: decoder.decode(&frame.into()) }
    }

    pub fn signal(&mut self, conn: ConnId, kind: &str, to: ParticipantId, payload: &str) {
        let field = if kind == "candidate" { "candidate" } else { "sdp" };
        self.say(conn, format!(r#"{{"type":"{kind}","to":"{to}","{field}":"{payload}"}}"#));
    }

    /// From now on the connection reads only what [`read`](Self::read) says.
    pub fn stop_reading(&mut self, conn: ConnId) {
        self.unread.insert(conn);
    }

    /// The connection reads this many bytes.
    pub fn read(&mut self, conn: ConnId, bytes: usize) {
        self.input(Input::Sent { conn, bytes });
    }

    /// The socket breaks.
    pub fn lose(&mut self, conn: ConnId) {
        self.input(Input::Lost { conn, how: Disconnect::Abrupt });
    }

    pub fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.hub.handle_timeout(self.now);
        let _ = self.store.handle_timeout(self.now);
        self.drain();
    }

    /// Hands in an input and handles all resulting outputs.
    pub fn input(&mut self, input: Input) {
        self.hub.handle_input(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    self.broadcasts += 1;
                    for conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.deliver(*conn, frame.clone());
                    }
                }
                Output::Close { conn, code } => {
                    assert_eq!(self.closed.insert(conn, code), None, "{conn:?} was closed twice");
                }
                Output::Commit { op, room, change } => {
                    let applied = self.store.apply(room, &change, self.now);
                    self.hub.handle_input(Input::Committed { op, applied }, self.now);
                }
                Output::Frame { to, frame } => self.deliver(to, frame),
                // The test decides.
                Output::Authorize { .. } | Output::Unwatch(_) | Output::Watch(_) => {}
                Output::IceServersWanted { conn, req, .. } => {
                    let servers = Payload::new(&["ice"]).unwrap();
                    let ice = IceServers { servers, expires_at: self.now + LIFE };
                    self.hub.handle_input(Input::IceServers { conn, ice, req }, self.now);
                }
                Output::HostMessageRefused(refusal) => self.refusals.push(refusal),
                Output::ToHost(message) => self.to_host.push(message),
                Output::OverRate { conn } => *self.over_rate.entry(conn).or_default() += 1,
                Output::ToNode { .. } => panic!("there is one node: {output:?}"),
            }
        }
    }

    fn deliver(&mut self, conn: ConnId, frame: Bytes) {
        assert!(!self.closed.contains_key(&conn), "{conn:?} was sent {frame:?} after its close");
        if !self.unread.contains(&conn) {
            self.hub.handle_input(Input::Sent { conn, bytes: frame.len() }, self.now);
        }
        self.received.entry(conn).or_default().push(frame);
    }

    /// Takes the messages that a connection was sent since the last call.
    pub fn take(&mut self, conn: ConnId) -> Vec<Value> {
        self.take_frames(conn).iter().map(|frame| serde_json::from_slice(frame).unwrap()).collect()
    }

    pub fn take_frames(&mut self, conn: ConnId) -> Vec<Bytes> {
        self.received.remove(&conn).unwrap_or_default()
    }

    /// The types of the messages that a connection was sent since the last call.
    pub fn take_types(&mut self, conn: ConnId) -> Vec<String> {
        self.take(conn).iter().map(|message| message["type"].as_str().unwrap().to_owned()).collect()
    }

    /// The close code in the number that goes over the wire.
    pub fn closed(&self, conn: ConnId) -> Option<u16> {
        self.closed.get(&conn).map(|code| code.as_u16())
    }

    /// How many messages the host was told to count as over the rate.
    pub fn over_rate(&self, conn: ConnId) -> usize {
        self.over_rate.get(&conn).copied().unwrap_or_default()
    }

    pub fn broadcasts(&self) -> usize {
        self.broadcasts
    }
}

fn attach(ticket: Ticket, name: &str) -> Entry {
    let name = DisplayName::parse(name).unwrap().unwrap();
    Entry::Attach { grant: Grant::new(ticket, 0), name, ice: None }
}

fn id(joined: &Value) -> ParticipantId {
    joined["participant_id"].as_str().unwrap().parse().unwrap()
}

/// A weak hash suffices, since nobody guesses here.
fn hash(text: &str) -> TokenHash {
    let mut hash = [0; 32];
    for (index, byte) in text.bytes().enumerate() {
        hash[index % 32] ^= byte;
    }
    TokenHash::new(hash)
}
