//! Two nodes and a store that answers when the test says so.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use signal_core::{
    Admission, Applied, Capacity, ConnId, Dialect, DisplayName, Entry, Fresh, Grant, Hub, HubConfig,
    IdSuffix, Input, Language, MemoryStore, NewRoom, NodeId, OnCreatorLeave, Op, OpId, Output, ParticipantId,
    PasswordTag, PeerFrame, Receipt, ResumeToken, Room, RoomId, Ticket, Timestamp, TokenHash,
};

const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);

#[test]
fn a_message_to_everybody_that_does_not_reach_a_node_is_told_to_its_sender() {
    let mut nodes = Nodes::new();
    let (sender, _) = nodes.join(0);
    let (receiver, _) = nodes.join(1);
    nodes.take(sender);
    nodes.say(sender, r#"{"type":"message","to":"room","topic":"t","data":1,"req":"7"}"#);
    for (_, _, frame) in std::mem::take(&mut nodes.frames) {
        nodes.input(0, Input::Undelivered { frame });
    }
    let error = nodes.take(sender).remove(0);
    assert_eq!(
        [&error["code"], &error["about"], &error["req"]],
        [&json!("peer_unreachable"), &Value::Null, &json!("7")]
    );
    assert!(nodes.take(receiver).is_empty());
}

#[test]
fn a_message_to_everybody_reaches_those_who_are_still_to_be_welcomed() {
    let mut nodes = Nodes::new();
    let (near, _) = nodes.join(1);
    let (far, _) = nodes.join(0);
    nodes.take(near);
    let newcomer = nodes.open(1);
    // The others learn of the newcomer before it is welcomed.
    let answers = nodes.apply();
    nodes.say(near, r#"{"type":"message","to":"room","topic":"t","data":"near"}"#);
    nodes.say(far, r#"{"type":"message","to":"room","topic":"t","data":"far"}"#);
    nodes.pass();
    assert_eq!(nodes.types(near), ["peer_joined", "message"]);
    assert!(nodes.types(newcomer).is_empty());
    nodes.answer(answers);
    let told = nodes.take(newcomer);
    assert_eq!(told[0]["type"], "joined");
    assert_eq!([&told[1]["data"], &told[2]["data"]], ["near", "far"]);
}

#[test]
fn nobody_else_waits_for_those_who_are_still_to_be_welcomed() {
    let mut nodes = Nodes::new();
    let (far, _) = nodes.join(0);
    let (near, near_id) = nodes.join(1);
    let newcomer = nodes.open(1);
    let answers = nodes.apply();
    let newcomer_id = nodes.newest();
    nodes.take(near);
    nodes.say(far, format!(r#"{{"type":"candidate","to":"{newcomer_id}","candidate":1}}"#));
    nodes.say(far, r#"{"type":"message","to":"room","topic":"t","data":2}"#);
    nodes.say(far, format!(r#"{{"type":"candidate","to":"{near_id}","candidate":3}}"#));
    nodes.pass();
    assert_eq!(nodes.types(near), ["message", "candidate"]);
    nodes.answer(answers);
    assert_eq!(nodes.types(newcomer), ["joined", "candidate", "message"]);
}

#[test]
fn the_later_of_two_updates_stays_whatever_has_to_be_repeated() {
    let mut nodes = Nodes::new();
    let (peer, _) = nodes.join(0);
    let (showing, id) = nodes.join(0);
    nodes.take(peer);
    for n in 1..=3 {
        nodes.say(showing, format!(r#"{{"type":"update","state":{n}}}"#));
    }
    // The first is on its way and gets lost; the others wait for it and become one.
    let (node, op, ..) = nodes.commits.remove(0);
    assert!(nodes.commits.is_empty());
    nodes.input(node, Input::Uncommitted { op });
    nodes.settle();
    let told: Vec<_> = nodes.take(peer).iter().map(|told| told["state"].clone()).collect();
    assert_eq!(told, [json!(1), json!(3)]);
    let shown = nodes.record().seat(id).unwrap().state.clone().unwrap();
    assert_eq!(shown.as_bytes(), b"3");
}

/// An operation that was carried out, and whom its answer is for.
type Answer = (usize, OpId, Applied);

struct Nodes {
    hubs: [Hub; 2],
    store: MemoryStore,
    room: RoomId,
    conns: BTreeMap<ConnId, usize>,
    told: BTreeMap<ConnId, Vec<Value>>,
    frames: Vec<(usize, NodeId, PeerFrame)>,
    commits: Vec<(usize, OpId, Op)>,
}

impl Nodes {
    fn new() -> Self {
        let room = RoomId::from_indices([0; 6]);
        let mut store = MemoryStore::new();
        let new = NewRoom {
            id: room,
            epoch: 1,
            name: "room".into(),
            creator: "alice".into(),
            password: PasswordTag::new([7; 32]),
            invite: TokenHash::new([8; 32]),
            capacity: Capacity::default(),
            expires_at: NOW + Duration::from_secs(3600),
            on_creator_leave: OnCreatorLeave::default(),
            suffix: IdSuffix::new(0),
        };
        store.create(Room::create(new)).unwrap();
        Self {
            hubs: [1, 2].map(|node| Hub::new(NodeId(node), HubConfig::default())),
            store,
            room,
            conns: BTreeMap::new(),
            told: BTreeMap::new(),
            frames: Vec::new(),
            commits: Vec::new(),
        }
    }

    /// Connects somebody who speaks v2, and lets the store answer.
    fn join(&mut self, node: usize) -> (ConnId, ParticipantId) {
        let conn = self.open(node);
        self.settle();
        let joined = self.take(conn).remove(0);
        (conn, joined["participant_id"].as_str().unwrap().parse().unwrap())
    }

    fn open(&mut self, node: usize) -> ConnId {
        let by = Admission::Password(PasswordTag::new([7; 32]));
        let admit = Op::Admit { by, suffix: IdSuffix::new(0) };
        let Receipt::Entered { id } = self.store.apply(self.room, &admit, NOW).reply.unwrap() else {
            unreachable!()
        };
        let conn = ConnId(self.conns.len() as u64);
        self.conns.insert(conn, node);
        let grant = Grant { ticket: Ticket::Guest(id), password_epoch: 0 };
        let name = DisplayName::parse("guest").unwrap().unwrap();
        let hash = TokenHash::new([u8::try_from(conn.0).unwrap(); 32]);
        let open = Input::Open {
            conn,
            room: self.room,
            dialect: Dialect::V2,
            language: Language::En,
            entry: Entry::Attach { grant, name, ice: None },
            fresh: Fresh { suffix: IdSuffix::new(0), resume_token: ResumeToken::new("token", hash) },
        };
        self.input(node, open);
        conn
    }

    fn say(&mut self, conn: ConnId, frame: impl Into<bytes::Bytes>) {
        self.input(self.conns[&conn], Input::Frame { conn, frame: frame.into() });
    }

    fn input(&mut self, node: usize, input: Input) {
        self.hubs[node].handle_input(input, NOW);
        while let Some(output) = self.hubs[node].poll_output() {
            match output {
                Output::Broadcast { to, except, frame } => {
                    for conn in to.iter().filter(|conn| Some(**conn) != except) {
                        self.tell(*conn, &frame);
                    }
                }
                Output::Commit { op, change, .. } => self.commits.push((node, op, change)),
                Output::Frame { to, frame } => self.tell(to, &frame),
                Output::ToNode { node: to, frame } => self.frames.push((node, to, frame)),
                Output::Watch(_) | Output::Unwatch(_) => {}
                other => panic!("not expected: {other:?}"),
            }
        }
    }

    fn tell(&mut self, conn: ConnId, frame: &[u8]) {
        self.told.entry(conn).or_default().push(serde_json::from_slice(frame).unwrap());
    }

    /// Carries out what was asked for and tells both nodes of it, but nobody that it was done.
    fn apply(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (node, op, change) in std::mem::take(&mut self.commits) {
            let applied = self.store.apply(self.room, &change, NOW);
            for other in 0..2 {
                self.input(other, Input::Record(applied.record.clone().unwrap()));
            }
            answers.push((node, op, applied));
        }
        answers
    }

    fn answer(&mut self, answers: Vec<Answer>) {
        for (node, op, applied) in answers {
            self.input(node, Input::Committed { op, applied });
        }
    }

    /// Carries out and answers until nobody asks for anything more.
    fn settle(&mut self) {
        while !self.commits.is_empty() {
            let answers = self.apply();
            self.answer(answers);
        }
    }

    /// Hands over what the nodes have for each other.
    fn pass(&mut self) {
        for (from, NodeId(to), frame) in std::mem::take(&mut self.frames) {
            let from = NodeId(from as u64 + 1);
            self.input(usize::try_from(to).unwrap() - 1, Input::Peer { from, frame });
        }
    }

    fn record(&self) -> &Arc<Room> {
        self.store.room(self.room).unwrap()
    }

    fn newest(&self) -> ParticipantId {
        self.record().seats().last().unwrap().id
    }

    fn take(&mut self, conn: ConnId) -> Vec<Value> {
        self.told.remove(&conn).unwrap_or_default()
    }

    fn types(&mut self, conn: ConnId) -> Vec<String> {
        self.take(conn).iter().map(|told| told["type"].as_str().unwrap().to_owned()).collect()
    }
}
