//! The engine: its inputs and outputs, and hosts that omit a call.

mod connections;
mod host;
mod large_rooms;
mod messages;
mod own_rooms;
mod questions;
mod saves;

use std::time::Duration;

use serde_json::json;
use signal_core::config::HubConfig;
use signal_core::room::{CloseReason, Grant, Reject};
use signal_core::{CloseCode, EngineConfig, ProtocolVersion, Transmit};

use self::host::Host;

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
