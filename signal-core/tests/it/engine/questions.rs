//! Questions to the host.

use std::time::Duration;

use serde_json::json;
use signal_core::ice::IceServers;
use signal_core::message::Payload;
use signal_core::{DisplayName, EngineConfig, Entry, ErrorCode, NewConnection, Question};

use super::host::Host;
use crate::common::{LIFE, START};

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
