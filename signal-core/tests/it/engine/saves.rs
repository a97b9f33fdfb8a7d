//! Rooms that the host stores, and the events that wait for that.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use signal_core::config::HubConfig;
use signal_core::room::event::RoomEventKind;
use signal_core::room::{Grant, Room};
use signal_core::{Engine, EngineConfig, Event, NewConnection, ProtocolVersion, RoomId, Save};

use super::host::{Host, hash};
use crate::common::LIFE;

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
    // A change that a restart would cause anyway is reported at once, unless others wait before it.
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

    host.engine = Engine::with_config(2, config).unwrap();
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
        let mut engine = Engine::with_config(2, config.clone()).unwrap();
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
