//! The engine: what goes in, what comes out, and what becomes of a host that omits something.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signal_core::{
    CloseCode, CloseReason, ConnId, DisplayName, Engine, EngineConfig, Entry, ErrorCode, Event,
    Grant, HostMessage, HubConfig, IceServers, Language, NewConnection, ParticipantId, PasswordTag,
    Payload, ProtocolVersion, Question, QuestionId, Randomness, Reject, Room, RoomEventKind,
    RoomId, RoomSpec, Save, Timestamp, TokenHash, Topic, Transmit,
};

use crate::common::{LIFE, START};

#[test]
fn participants_meet_talk_and_part() {
    let mut host = Host::new(EngineConfig::default());
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    let bob = host.guest("bob");
    let bob_id = host.messages(bob)[0]["participant_id"].clone();
    host.say(alice, &json!({"type": "offer", "to": bob_id, "sdp": "v=0"}));
    assert_eq!(host.types(bob), ["offer"]);
    host.say(bob, &json!({"type": "leave"}));
    assert_eq!(host.read(bob), [Transmit::Close(CloseCode::Left)]);
    assert!(!host.engine.is_open(bob));
    assert_eq!(host.types(alice), ["joined", "peer_joined", "peer_left"]);
}

#[test]
fn a_connection_is_ready_once_until_more_waits_for_it() {
    let mut host = Host::new(EngineConfig::default());
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    assert_eq!((host.engine.poll_ready(), host.engine.poll_ready()), (Some(alice), None));
    let bob = host.guest("bob");
    let ready = [host.engine.poll_ready(), host.engine.poll_ready(), host.engine.poll_ready()];
    assert_eq!(ready, [Some(alice), Some(bob), None]);
}

#[test]
fn a_host_that_stops_taking_has_that_connection_closed_and_its_memory_back() {
    let mut host = Host::new(EngineConfig::default());
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V2);
    let bob = host.guest("bob");
    let carol = host.guest("carol");
    let _ = (host.read(alice), host.read(bob), host.read(carol));
    let bob_id = host.engine.room(host.room).unwrap().seats()[1].id;
    let message =
        json!({"type": "message", "to": bob_id.as_str(), "topic": "t", "data": "x".repeat(8000)});
    let mut refused = 0;
    for _ in 0..2000 {
        host.say(alice, &message);
        refused += host.types(alice).iter().filter(|kind| *kind == "error").count();
        host.wait(Duration::from_millis(200));
        host.engine.handle_alive(bob, host.now);
        host.engine.handle_alive(carol, host.now);
    }
    assert!(refused > 0, "the sender is told that it floods");
    let left = host.read(bob);
    let [Transmit::Ping | Transmit::Close(_), ..] = left[..] else { panic!("{}", left.len()) };
    assert_eq!(
        left.last(),
        Some(&Transmit::Close(CloseCode::SlowConsumer)),
        "what waited is dropped"
    );
    assert!(left.len() <= 2, "{} things wait for a closed connection", left.len());
    assert!(host.engine.is_open(alice) && host.engine.is_open(carol));
}

#[test]
fn what_waits_for_a_connection_never_exceeds_its_limit() {
    let mut config = EngineConfig::default();
    config.hub.unsent_patience = Duration::from_secs(24 * 3600);
    let most = config.hub.max_unsent_bytes;
    let mut host = Host::new(config);
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V2);
    let _ = host.read(alice);
    // What the server has to say itself is not limited by anything else.
    let mut rounds = 0;
    while host.engine.is_open(alice) && !host.is_closed(alice) {
        let bob = host.guest("bob");
        host.engine.handle_closed(bob, host.now);
        host.engine.handle_alive(alice, host.now);
        rounds += 1;
        assert!(rounds < most / 100, "it is closed some time");
    }
    let left = host.read(alice);
    assert!(left == [Transmit::Close(CloseCode::SlowConsumer)], "{} things wait", left.len());
}

#[test]
fn a_silent_connection_is_pinged_and_then_closed_as_idle_and_its_seat_waits() {
    let mut host = Host::new(EngineConfig::default());
    let bob = host.guest("bob");
    let token = host.messages(bob)[0]["resume_token"].as_str().unwrap().to_owned();
    host.wait(Duration::from_secs(20));
    assert_eq!(host.read(bob), [Transmit::Ping]);
    host.wait(Duration::from_secs(20));
    assert_eq!(host.read(bob), [Transmit::Ping]);
    host.engine.handle_alive(bob, host.now);
    host.wait(Duration::from_secs(44));
    assert_eq!(host.read(bob), [Transmit::Ping], "one that was not taken is not repeated");
    host.wait(Duration::from_secs(1));
    assert_eq!(host.read(bob), [Transmit::Close(CloseCode::Idle)]);
    let seat = &host.engine.room(host.room).unwrap().seats()[0];
    assert!(!seat.is_attached(), "it may come back");
    let opening = NewConnection::resume(host.room, hash(&token), 1, host.randomness());
    let back = host.open(opening);
    assert_eq!(host.types(back), ["resumed"]);
}

#[test]
fn frames_show_that_a_connection_is_alive() {
    let mut host = Host::new(EngineConfig::default());
    let bob = host.guest("bob");
    for _ in 0..10 {
        host.wait(Duration::from_secs(30));
        host.say(bob, &json!({"type": "ping", "t": 1}));
        let _ = host.read(bob);
    }
    assert!(host.engine.is_open(bob));
}

#[test]
fn a_question_that_the_host_answers_lets_a_participant_in() {
    let mut host = Host::new(EngineConfig::default());
    let opening = NewConnection::ask(host.room, "secret".into(), host.randomness());
    let conn = host.open(opening);
    let asked = host.engine.poll_question();
    let credential = "secret".into();
    assert_eq!(asked, Some(Question::Entry { conn, room: host.room, credential }));
    assert_eq!(host.engine.poll_question(), None);
    let grant = host.admit().unwrap();
    let name = DisplayName::parse("bob").unwrap().unwrap();
    let entry = Entry::Attach { grant, name, ice: None };
    host.engine.handle_entry(conn, Ok(entry), host.now);
    assert_eq!(host.types(conn), ["joined"]);
    host.engine.handle_entry(conn, Err(ErrorCode::Forbidden), host.now);
    assert!(host.read(conn).is_empty(), "a second answer changes nothing");
}

#[test]
fn a_host_that_answers_no_questions_has_its_participants_told() {
    let mut host = Host::new(EngineConfig::default());
    let bob = host.guest("bob");
    let _ = host.read(bob);
    let opening = NewConnection::ask(host.room, "secret".into(), host.randomness());
    let asking = host.open(opening);
    for req in ["a", "b"] {
        host.say(bob, &json!({"type": "get_ice_servers", "req": req}));
    }
    host.wait(Duration::from_secs(9));
    assert!(host.read(bob).is_empty() && host.read(asking).is_empty());
    host.wait(Duration::from_secs(1));
    for (message, req) in host.messages(bob).into_iter().zip(["a", "b"]) {
        let told = (&message["type"], &message["code"], &message["req"]);
        assert_eq!(told, (&"error".into(), &"unavailable".into(), &req.into()));
    }
    assert_eq!(host.messages(asking)[0]["code"], "unavailable");
    assert!(!host.engine.is_open(asking));
    assert_eq!(host.engine.poll_question(), None, "it would be answered too late");
}

#[test]
fn each_request_for_ice_servers_gets_an_answer_that_is_newer_than_itself() {
    let mut host = Host::new(EngineConfig::default());
    let bob = host.guest("bob");
    let _ = host.read(bob);
    host.say(bob, &json!({"type": "get_ice_servers", "req": "a"}));
    let mut question = Some(host.ice_question());
    host.say(bob, &json!({"type": "get_ice_servers", "req": "b"}));
    assert_eq!(host.engine.poll_question(), None, "one at a time");
    for (server, req) in [("old", "a"), ("new", "b")] {
        let servers = Payload::new(&[server]).unwrap();
        let ice = IceServers { servers, expires_at: host.now + LIFE };
        host.engine.handle_ice_servers(question.take().unwrap(), &Ok(ice), host.now);
        let told = host.messages(bob);
        assert_eq!((told.len(), &told[0]["req"]), (1, &req.into()));
        assert_eq!(told[0]["ice_servers"], json!([server]));
        if req == "a" {
            question = Some(host.ice_question());
        }
        assert_eq!(host.engine.poll_question(), None);
    }
}

#[test]
fn the_host_and_a_participant_talk() {
    let mut config = EngineConfig::default();
    config.max_message_bytes = 1 << 20;
    let mut host = Host::new(config);
    let bob = host.guest("bob");
    let _ = host.read(bob);
    for req in ["a", "b"] {
        let question =
            json!({"type": "message", "to": "host", "topic": "q", "data": "?", "req": req});
        host.say(bob, &question);
    }
    let question = host.engine.poll_message().unwrap();
    assert_eq!((question.conn, question.data.as_bytes()), (bob, &br#""?""#[..]));
    let answer = HostMessage::to_one(question.participant, question.topic, data("!"));
    assert_eq!(host.engine.send(host.room, answer, host.now), []);
    let question = host.engine.poll_message().unwrap();
    host.engine.refuse(question, ErrorCode::Forbidden, host.now);
    let told = host.messages(bob);
    assert_eq!((&told[0]["from"], &told[0]["data"]), (&"host".into(), &"!".into()));
    assert_eq!((&told[1]["code"], &told[1]["req"]), (&"forbidden".into(), &"b".into()));
    assert!(host.engine.poll_message().is_none());
}

#[test]
fn whoever_speaks_to_a_host_that_does_not_listen_is_told() {
    for (most, code) in [(0, "peer_not_found"), (500, "unavailable")] {
        let mut config = EngineConfig::default();
        config.max_message_bytes = most;
        let mut host = Host::new(config);
        let bob = host.guest("bob");
        let _ = host.read(bob);
        let message = json!({"type": "message", "to": "host", "topic": "t", "data": 1});
        for _ in 0..10 {
            host.say(bob, &message);
        }
        let told = host.messages(bob);
        assert!(!told.is_empty() && told.iter().all(|told| told["code"] == code), "{told:?}");
        let taken = std::iter::from_fn(|| host.engine.poll_message()).count();
        assert_eq!(taken + told.len(), 10);
        host.say(bob, &message);
        assert_eq!(host.engine.poll_message().is_some(), most > 0, "there is room again");
    }
}

#[test]
fn the_host_is_told_at_once_who_does_not_get_its_message() {
    let mut host = Host::new(EngineConfig::default());
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    let bob = host.guest("bob");
    let _ = (host.read(alice), host.read(bob));
    let topic = Topic::new("t").unwrap();
    let alice_id = host.engine.room(host.room).unwrap().seats()[0].id;
    let told = host.engine.send(
        host.room,
        HostMessage::to_one(alice_id, topic.clone(), data("x")),
        host.now,
    );
    assert_eq!((told[0].participant, told[0].code), (Some(alice_id), ErrorCode::PeerUnreachable));
    // A participant that takes nothing is left out in the end, and not closed for it.
    let message = HostMessage::to_room(topic, data(&"x".repeat(16_000)));
    let refused = (0..200).map(|_| host.engine.send(host.room, message.clone(), host.now));
    let refused: Vec<_> = refused.flatten().map(|refusal| refusal.code).collect();
    assert!(refused.len() > 100 && refused.iter().all(|code| *code == ErrorCode::RateLimited));
    let waits = host.read(bob);
    assert_eq!(waits.len(), 200 - refused.len());
    assert!(host.engine.is_open(bob));
    let nowhere = RoomId::from_indices([9; 6]);
    let told = host.engine.send(nowhere, message, host.now);
    assert_eq!(told[0].code, ErrorCode::RoomNotFound);
}

#[test]
fn a_message_of_the_hosts_comes_after_the_joined_that_is_not_written_yet() {
    let (mut host, bob, _) = told_while_entering();
    assert!(host.read(bob).is_empty());
    let save = host.engine.poll_save().unwrap();
    host.engine.handle_saved(save, host.now);
    assert_eq!(host.types(bob), ["joined", "message"]);
}

#[test]
fn a_message_of_the_hosts_to_whoever_does_not_get_in_after_all_is_refused() {
    let (mut host, bob, bob_id) = told_while_entering();
    host.engine.handle_lost(bob, host.now);
    while let Some(save) = host.engine.poll_save() {
        host.engine.handle_saved(save, host.now);
    }
    let refused = std::iter::from_fn(|| host.engine.poll_event()).find_map(|event| match event {
        Event::Refused(refusal) => Some((refusal.participant, refusal.code)),
        _ => None,
    });
    assert_eq!(refused, Some((Some(bob_id), ErrorCode::PeerNotFound)));
}

/// Bob, whose seat is not written yet, and to whom the host has sent a message.
fn told_while_entering() -> (Host, ConnId, ParticipantId) {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config);
    let created = host.engine.poll_save().unwrap();
    host.engine.handle_saved(created, host.now);
    let bob = host.guest("bob");
    let bob_id = host.engine.room(host.room).unwrap().seats()[0].id;
    let message = HostMessage::to_one(bob_id, Topic::new("t").unwrap(), data("x"));
    assert_eq!(host.engine.send(host.room, message, host.now), []);
    (host, bob, bob_id)
}

#[test]
fn the_hosts_own_changes_are_told_at_once() {
    let mut host = Host::new(EngineConfig::default());
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    let bob = host.guest("bob");
    let _ = (host.read(alice), host.read(bob));
    let bob_id = host.engine.room(host.room).unwrap().seats()[1].id;
    host.engine.kick(host.room, bob_id, None, host.now).unwrap();
    assert_eq!(host.types(bob), ["kicked"]);
    assert_eq!(host.types(alice), ["peer_left"]);
    let creator = host.engine.room(host.room).unwrap().seats()[0].id;
    let refused = host.engine.kick(host.room, creator, None, host.now);
    assert_eq!(refused, Err(Reject::CreatorStays));
    host.engine.close(host.room, CloseReason::ByAdmin, host.now).unwrap();
    assert_eq!(host.types(alice), ["room_closed"]);
    assert!(!host.engine.is_open(alice));
}

#[test]
fn nobody_is_told_of_what_is_not_written() {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config);
    let created = host.engine.poll_save().unwrap();
    assert!(host.engine.poll_save().is_none(), "there is one write at a time of a room");
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    let bob = host.guest("bob");
    assert!(host.read(alice).is_empty(), "her seat is not written");
    host.engine.handle_saved(created, host.now);
    let seats = host.engine.poll_save().unwrap();
    assert_eq!(seats.record().unwrap().seats().len(), 2, "one write for both");
    host.engine.handle_saved(seats, host.now);
    assert_eq!(host.types(alice), ["joined"], "with both in it");
    // What a restart would bring about anyway is told at once, unless something else waits.
    let _ = host.read(bob);
    host.engine.handle_lost(bob, host.now);
    host.wait(HubConfig::default().resume_grace);
    assert_eq!(host.types(alice), ["peer_left"]);
    assert!(host.engine.poll_save().is_some());
}

#[test]
fn whoever_floods_takes_no_event_of_a_room_away() {
    let mut config = EngineConfig::default();
    config.max_events = 2;
    config.hub.rate.burst_messages = 1;
    config.hub.rate.burst_messages_per_peer = 0;
    let mut host = Host::new(config);
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    while host.engine.poll_event().is_some() {}
    for _ in 0..20 {
        host.say(alice, &json!({"type": "candidate", "to": "p_nobody00", "candidate": null}));
    }
    let bob = host.guest("bob");
    host.engine.handle_closed(bob, host.now);
    let events: Vec<Event> = std::iter::from_fn(|| host.engine.poll_event()).collect();
    let [Event::Room(joined), Event::Room(left), Event::OverRate { conn }] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(matches!(joined.kind, RoomEventKind::Joined { .. }), "{joined:?}");
    assert!(matches!(left.kind, RoomEventKind::Left { .. }), "{left:?}");
    assert_eq!(*conn, alice);
}

#[test]
fn pings_that_follow_each_other_at_once_leave_time_for_other_deadlines() {
    let mut config = EngineConfig::default();
    config.ping_every = Duration::ZERO;
    let mut host = Host::new(config);
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    host.wait(Duration::from_millis(10));
    assert!(host.read(alice).contains(&Transmit::Ping));
    assert!(host.engine.poll_timeout().is_some_and(|next| next > host.now));
}

#[test]
fn a_room_outlives_the_process_and_is_removed_from_the_store_in_the_end() {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config.clone());
    let mut table = BTreeMap::new();
    let write = |engine: &mut Engine, table: &mut BTreeMap<RoomId, Vec<u8>>, now| {
        while let Some(save) = engine.poll_save() {
            match save.record() {
                Some(record) => drop(table.insert(save.room(), record.to_record())),
                None => drop(table.remove(&save.room())),
            }
            engine.handle_saved(save, now);
        }
    };
    let bob = host.guest("bob");
    write(&mut host.engine, &mut table, host.now);
    let token = host.messages(bob)[0]["resume_token"].as_str().unwrap().to_owned();

    host.engine = Engine::with_config(2, config);
    for record in table.values() {
        host.engine.restore(Room::from_record(record).unwrap(), [], host.now).unwrap();
    }
    host.wait(Duration::from_secs(59));
    let opening = NewConnection::resume(host.room, hash(&token), 1, host.randomness());
    let back = host.open(opening);
    write(&mut host.engine, &mut table, host.now);
    assert_eq!(host.types(back), ["resumed"]);
    host.wait(LIFE + Room::REMEMBERED);
    write(&mut host.engine, &mut table, host.now);
    assert!(table.is_empty() && host.engine.rooms().next().is_none());
}

#[test]
fn a_restored_room_is_written_again_only_if_somebody_had_a_socket() {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config.clone());
    let empty = Room::clone(host.engine.room(host.room).unwrap());
    let bob = host.guest("bob");
    let seated = Room::clone(host.engine.room(host.room).unwrap());
    while let Some(save) = host.engine.poll_save() {
        host.engine.handle_saved(save, host.now);
    }
    host.engine.handle_lost(bob, host.now);
    let detached = Room::clone(host.engine.room(host.room).unwrap());
    for (room, writes) in [(empty, 0), (seated, 1), (detached, 0)] {
        let mut engine = Engine::with_config(2, config.clone());
        engine.restore(room, [], host.now + Duration::from_secs(1)).unwrap();
        let saves: Vec<Save> = std::iter::from_fn(|| engine.poll_save()).collect();
        assert_eq!(saves.len(), writes);
        for save in saves {
            assert_eq!(save.events().len(), 1, "that it is detached");
            engine.handle_saved(save, host.now);
        }
        assert!(engine.is_idle());
    }
}

#[test]
fn an_answer_that_comes_too_late_is_not_taken_for_that_to_a_newer_question() {
    let mut host = Host::new(EngineConfig::default());
    let bob = host.guest("bob");
    let _ = host.read(bob);
    host.say(bob, &json!({"type": "get_ice_servers", "req": "a"}));
    let late = host.ice_question();
    host.wait(EngineConfig::default().question_patience);
    assert_eq!(host.messages(bob)[0]["code"], "unavailable");
    host.say(bob, &json!({"type": "get_ice_servers", "req": "b"}));
    let newer = host.ice_question();
    let ice = |name: &str| {
        let servers = Payload::new(&[name]).unwrap();
        Ok(IceServers { servers, expires_at: START + LIFE })
    };
    host.engine.handle_ice_servers(late, &ice("old"), host.now);
    assert!(host.messages(bob).is_empty());
    host.engine.handle_ice_servers(newer, &ice("new"), host.now);
    assert_eq!(host.messages(bob)[0]["ice_servers"], json!(["new"]));
}

#[test]
fn a_drained_engine_is_idle() {
    let mut host = Host::new(EngineConfig::default());
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    let bob = host.guest("bob");
    let _ = (host.read(alice), host.read(bob));
    host.engine.handle_draining(Duration::from_secs(3), host.now);
    // The seat of v1 ends with its socket.
    assert_eq!(host.types(bob), ["peer_left", "server_draining"]);
    let _ = host.read(alice);
    assert!(!host.engine.is_open(alice) && !host.engine.is_open(bob));
    assert!(!host.engine.is_idle(), "a seat waits");
    host.wait(HubConfig::default().resume_grace);
    assert!(host.engine.is_idle());
}

#[test]
fn a_save_that_is_unanswered_is_not_handed_out_twice() {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config);
    let save: Save = host.engine.poll_save().unwrap();
    host.admit().unwrap();
    assert!(host.engine.poll_save().is_none());
    host.engine.handle_saved(save, host.now);
    assert!(host.engine.poll_save().is_none(), "a promised id needs no write");
}

/// A host that writes when the test reads.
struct Host {
    engine: Engine,
    room: RoomId,
    now: Timestamp,
    opened: u32,
}

impl Host {
    fn new(config: EngineConfig) -> Self {
        let mut engine = Engine::with_config(1, config);
        let spec = RoomSpec::draw([3; 50], PASSWORD, START, LIFE);
        let room = engine.create(spec).unwrap().id();
        Self { engine, room, now: START, opened: 0 }
    }

    fn admit(&mut self) -> Result<Grant, Reject> {
        self.engine.admit(self.room, PASSWORD, None, 5, self.now)
    }

    /// The next question, which is for ICE servers.
    fn ice_question(&mut self) -> QuestionId {
        match self.engine.poll_question() {
            Some(Question::IceServers { id, room, .. }) if room == self.room => id,
            other => panic!("{other:?}"),
        }
    }

    fn guest(&mut self, name: &str) -> ConnId {
        let grant = self.admit().unwrap();
        self.enter(grant, name, ProtocolVersion::V2)
    }

    fn enter(&mut self, grant: Grant, name: &str, protocol: ProtocolVersion) -> ConnId {
        let name = DisplayName::parse(name).unwrap().unwrap();
        let opening = NewConnection::attach(self.room, grant, name, self.randomness());
        self.open(opening.protocol(protocol).language(Language::En))
    }

    fn open(&mut self, opening: NewConnection) -> ConnId {
        self.engine.handle_open(opening, self.now)
    }

    fn randomness(&mut self) -> Randomness {
        self.opened += 1;
        let mut random = [0; 36];
        random[32..].copy_from_slice(&self.opened.to_le_bytes());
        Randomness::draw(random, hash_bytes)
    }

    fn say(&mut self, conn: ConnId, message: &Value) {
        self.engine.handle_frame(conn, &message.to_string().into(), self.now);
    }

    /// Takes everything that waits for a connection.
    fn read(&mut self, conn: ConnId) -> Vec<Transmit> {
        std::iter::from_fn(|| self.engine.poll_transmit(conn, self.now)).collect()
    }

    /// The same, of messages only.
    fn messages(&mut self, conn: ConnId) -> Vec<Value> {
        let frames = self.read(conn).into_iter().filter_map(|transmit| match transmit {
            Transmit::Frame(frame) => Some(serde_json::from_slice(&frame).unwrap()),
            Transmit::Ping | Transmit::Close(_) => None,
        });
        frames.collect()
    }

    fn types(&mut self, conn: ConnId) -> Vec<String> {
        let name = |message: &Value| message["type"].as_str().unwrap().to_owned();
        self.messages(conn).iter().map(name).collect()
    }

    /// Whether the hub has closed a connection that the host has not taken that of.
    fn is_closed(&self, conn: ConnId) -> bool {
        let seats = self.engine.room(self.room).unwrap().seats();
        !seats.iter().any(|seat| seat.attachment.conn == conn && seat.is_attached())
    }

    /// Time passes, with every deadline handled when it comes.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
        }
        self.now = end;
    }
}

fn data(text: &str) -> Payload {
    Payload::new(text).unwrap()
}

fn hash(token: &str) -> TokenHash {
    TokenHash::new(hash_bytes(token))
}

fn hash_bytes(token: &str) -> [u8; 32] {
    token.as_bytes()[32..].try_into().unwrap()
}

const PASSWORD: PasswordTag = PasswordTag::new([7; 32]);
