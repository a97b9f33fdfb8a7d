//! The queue of a connection, and when a connection is closed.

use std::time::Duration;

use serde_json::json;
use signal_core::room::Grant;
use signal_core::{CloseCode, EngineConfig, NewConnection, ProtocolVersion, Transmit};

use super::host::{Host, hash};

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
    // The server's own messages are not limited by others.
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
fn pings_that_follow_each_other_at_once_leave_time_for_other_deadlines() {
    let mut config = EngineConfig::default();
    config.ping_every = Duration::ZERO;
    let mut host = Host::new(config);
    let alice = host.enter(Grant::creator(), "alice", ProtocolVersion::V1);
    host.wait(Duration::from_millis(10));
    assert!(host.read(alice).contains(&Transmit::Ping));
    assert!(host.engine.poll_timeout().is_some_and(|next| next > host.now));
}
