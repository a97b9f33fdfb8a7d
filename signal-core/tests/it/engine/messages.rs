//! Messages from and to the host.

use serde_json::{Value, json};
use signal_core::identity::{Attributes, Identity};
use signal_core::message::{HostMessage, Topic};
use signal_core::room::{Grant, Ticket, TicketTag};
use signal_core::{
    ConnId, EngineConfig, ErrorCode, Event, NewConnection, ParticipantId, ProtocolVersion, RoomId,
};

use super::host::{Host, data, hash};

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
fn a_message_to_the_host_says_who_its_sender_is() {
    let mut host = Host::new(listening(1 << 20));
    let attributes = Attributes::new([("role", "nurse")]).unwrap();
    let identity = Identity::of("user-17".parse().unwrap()).with(attributes);
    let record = host.engine.room(host.room).unwrap();
    let grant = record.mint(TicketTag::new([5; 16]), identity).unwrap();
    let nurse = host.enter(grant, "nurse", ProtocolVersion::V2);
    let nurse_id = host.engine.room(host.room).unwrap().seats()[0].id;
    let attributes = Attributes::new([("role", "doctor")]).unwrap();
    host.engine.set_attributes(host.room, nurse_id, attributes.clone(), host.now).unwrap();
    host.say(nurse, &question("1", 10));
    let message = host.engine.poll_message().unwrap();
    assert_eq!(message.ticket, Ticket::Host(TicketTag::new([5; 16])));
    assert_eq!(message.identity.user.as_ref().unwrap().as_str(), "user-17");
    assert_eq!(message.identity.attributes, Some(attributes), "those that it has now");
}

#[test]
fn one_participant_fills_a_part_of_the_inbox_over_all_its_sockets() {
    let mut host = Host::new(listening(32 * 1024));
    let grant = host.admit().unwrap();
    let carol = host.guest("carol");
    let mut bob = host.enter(grant.clone(), "bob", ProtocolVersion::V2);
    let _ = host.read(bob);
    for req in ["1", "2", "3", "4"] {
        host.say(bob, &question(req, 1500));
    }
    assert_eq!(refused(&mut host, bob), ["3 rate_limited", "4 rate_limited"]);
    // A newer socket has no part of its own.
    bob = host.enter(grant, "bob", ProtocolVersion::V2);
    let _ = host.read(bob);
    host.say(bob, &question("5", 1500));
    assert_eq!(refused(&mut host, bob), ["5 rate_limited"]);
    let _ = host.read(carol);
    host.say(carol, &question("6", 1500));
    assert!(refused(&mut host, carol).is_empty());
    assert!(host.engine.poll_message().is_some(), "a message of bob's is taken");
    host.say(bob, &question("7", 1500));
    assert!(refused(&mut host, bob).is_empty());
}

#[test]
fn a_refusal_follows_its_participant_to_a_newer_socket() {
    let mut host = Host::new(listening(1 << 20));
    let bob = host.guest("bob");
    let token = host.messages(bob)[0]["resume_token"].as_str().unwrap().to_owned();
    host.say(bob, &question("1", 10));
    let message = host.engine.poll_message().unwrap();
    host.engine.handle_lost(bob, host.now);
    let randomness = host.randomness();
    let again = host.open(NewConnection::resume(host.room, hash(&token), 1, randomness));
    assert_eq!(host.types(again), ["resumed"]);
    host.engine.refuse(message, ErrorCode::Forbidden, host.now);
    assert_eq!(refused(&mut host, again), ["1 forbidden"]);
}

#[test]
fn many_participants_fill_the_inbox() {
    let mut host = Host::new(listening(8 * 1024));
    let told: Vec<_> = (0..9)
        .flat_map(|number| {
            let guest = host.guest(&number.to_string());
            let _ = host.read(guest);
            host.say(guest, &question(&number.to_string(), 900));
            refused(&mut host, guest)
        })
        .collect();
    assert!(!told.is_empty() && told.iter().all(|told| told.ends_with("unavailable")), "{told:?}");
    assert_eq!(std::iter::from_fn(|| host.engine.poll_message()).count(), 9 - told.len());
}

#[test]
fn whoever_speaks_to_a_host_that_does_not_listen_is_told() {
    for (most, code) in [(0, "peer_not_found"), (500, "rate_limited")] {
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
    // A participant that reads nothing misses messages in the end, but is not closed.
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

/// The settings of a host that listens to so many bytes.
fn listening(most: usize) -> EngineConfig {
    let mut config = EngineConfig::default();
    config.max_message_bytes = most;
    config
}

/// A message to the host with so many bytes.
fn question(req: &str, bytes: usize) -> Value {
    let data = "x".repeat(bytes);
    json!({"type": "message", "to": "host", "topic": "q", "data": data, "req": req})
}

/// The messages that a participant is told to be refused.
fn refused(host: &mut Host, conn: ConnId) -> Vec<String> {
    let told = host.messages(conn);
    let errors = told.iter().filter(|told| told["type"] == "error");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    errors.map(|told| format!("{} {}", text(&told["req"]), text(&told["code"]))).collect()
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
