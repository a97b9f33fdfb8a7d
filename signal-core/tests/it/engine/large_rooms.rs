//! A full room of 500, with full names, states and attributes.

use serde_json::{Value, json};
use signal_core::config::HubConfig;
use signal_core::identity::{Attributes, Identity};
use signal_core::message::{HostMessage, Topic};
use signal_core::room::{Capacity, Grant, Reject, Room, RoomSpec, TicketTag};
use signal_core::{ConnId, Engine, EngineConfig, NewConnection, ProtocolVersion, RoomId, Transmit};

use super::host::{Host, PASSWORD, data, hash};
use crate::common::LIFE;

#[test]
fn a_full_room_of_500_is_entered_resumed_and_told_a_message() {
    let mut room = LargeRoom::new();
    for number in 0..PEOPLE - 2 {
        room.enter(number, spoken(number));
    }
    // One that reads nothing is told what fits.
    let slow = room.enter(PEOPLE - 2, ProtocolVersion::V2);
    let readers = std::mem::take(&mut room.readers);
    for reader in &readers {
        let state = json!({"type": "update", "state": "x".repeat(MOST_STATE - 2)});
        room.host.say(*reader, &state);
        room.read(*reader);
    }
    let waits = room.read(slow);
    assert!(waits <= room.most_unsent(), "{waits} bytes wait");
    assert!(room.host.engine.is_open(slow));

    // Everybody is in the `joined` of the newest, in both versions.
    for protocol in [ProtocolVersion::V2, ProtocolVersion::V1] {
        let newest = room.enter(PEOPLE - 1, protocol);
        let (bytes, joined) = room.first(newest);
        assert_eq!(joined["type"], "joined");
        assert_eq!(participants(&joined).len(), PEOPLE - 1);
        assert!(bytes <= room.most_unsent(), "{bytes} bytes wait");
        match protocol {
            ProtocolVersion::V1 => assert!(bytes > (PEOPLE - 1) * 128),
            ProtocolVersion::V2 => {
                assert!(bytes > (PEOPLE - 100) * (MOST_STATE + 1024 + 128), "{bytes} bytes");
            }
        }
        room.host.engine.handle_closed(newest, room.host.now);
    }
    assert!(room.host.admit().is_ok(), "a seat is free");
    let last = room.enter(PEOPLE - 1, ProtocolVersion::V2);
    let (_, joined) = room.first(last);
    assert_eq!(room.host.admit(), Err(Reject::RoomFull));

    // A message of the longest kind reaches everybody who speaks v2.
    for reader in &readers {
        room.read(*reader);
    }
    let text = "m".repeat(16 * 1024 - 2);
    let message = json!({"type": "message", "to": "room", "topic": "t", "data": text});
    room.host.say(last, &message);
    let told = HostMessage::to_room(Topic::new("t").unwrap(), data(&text));
    assert_eq!(room.host.engine.send(room.host.room, told.clone(), room.host.now), []);
    assert_eq!(room.host.types(last), ["message"], "that of the host, and no error");
    for (number, reader) in readers.iter().enumerate() {
        let heard = room.host.types(*reader);
        match spoken(number) {
            ProtocolVersion::V1 => assert!(heard.is_empty(), "{number} heard {heard:?}"),
            ProtocolVersion::V2 => assert_eq!(heard, ["message", "message"], "{number}"),
        }
    }

    // The last one loses its socket, and continues where it was.
    let token = joined["resume_token"].as_str().unwrap().to_owned();
    room.host.engine.handle_lost(last, room.host.now);
    for reader in &readers {
        room.host.say(*reader, &json!({"type": "update", "name": "short"}));
    }
    // It has received its `joined` and the host's message.
    let again = room.resume(&token, 2);
    let (_, resumed) = room.first(again);
    let token = resumed["resume_token"].as_str().unwrap().to_owned();
    assert_eq!((&resumed["type"], resumed["replayed"].as_u64()), (&"resumed".into(), Some(449)));

    // Later it has missed too much, and gets a snapshot.
    room.host.engine.handle_lost(again, room.host.now);
    for _ in 0..60 {
        assert_eq!(room.host.engine.send(room.host.room, told.clone(), room.host.now), []);
        for reader in &readers {
            room.read(*reader);
        }
    }
    let again = room.resume(&token, 1);
    let (bytes, resumed) = room.first(again);
    assert_eq!((&resumed["type"], &resumed["replayed"]), (&"resumed".into(), &Value::Null));
    assert_eq!(participants(&resumed).len(), PEOPLE - 1);
    assert!(bytes <= room.most_unsent(), "{bytes} bytes wait");
}

#[test]
fn an_engine_refuses_limits_that_are_too_low_for_its_largest_room() {
    let capacity = Capacity::new(Capacity::MAX).unwrap();
    let mut config = EngineConfig::default();
    config.hub.max_capacity = capacity;
    let refused = Engine::with_config(1, config.clone()).unwrap_err();
    assert_eq!(refused.field, "max_unsent_bytes");
    config.hub = HubConfig::for_rooms_of(capacity);
    assert!(Engine::with_config(1, config).is_ok());
}

#[test]
fn a_restored_room_may_be_larger_than_new_ones() {
    let mut host = Host::new(EngineConfig::default());
    let (id, capacity) = (RoomId::chosen("large").unwrap(), Capacity::new(51).unwrap());
    let spec = RoomSpec::draw([4; 50], PASSWORD, host.now, LIFE);
    let room = Room::create(RoomSpec { id, capacity, ..spec });
    host.engine.restore(room, [], host.now).unwrap();
    assert_eq!(host.engine.room(id).unwrap().capacity(), capacity);
}

struct LargeRoom {
    host: Host,
    /// Those that have read everything.
    readers: Vec<ConnId>,
}

impl LargeRoom {
    fn new() -> Self {
        let mut config = EngineConfig::default();
        let capacity = Capacity::new(Capacity::MAX).unwrap();
        config.hub = HubConfig::for_rooms_of(capacity);
        assert_eq!(config.hub.check(), Ok(()));
        let mut host = Host::new(config);
        host.room = RoomId::chosen("large").unwrap();
        let id = host.room;
        let spec = RoomSpec::draw([4; 50], PASSWORD, host.now, LIFE);
        host.engine.create(RoomSpec { id, creator: None, capacity, ..spec }).unwrap();
        Self { host, readers: Vec::new() }
    }

    fn most_unsent(&self) -> usize {
        HubConfig::for_rooms_of(Capacity::new(Capacity::MAX).unwrap()).max_unsent_bytes
    }

    fn enter(&mut self, number: usize, protocol: ProtocolVersion) -> ConnId {
        let grant = self.grant(number);
        let conn = self.host.enter(grant, &"𝔫".repeat(32), protocol);
        if number < PEOPLE - 2 {
            self.readers.push(conn);
        }
        for reader in self.readers.clone() {
            self.read(reader);
        }
        conn
    }

    fn resume(&mut self, token: &str, received: u64) -> ConnId {
        let randomness = self.host.randomness();
        let room = self.host.room;
        self.host.open(NewConnection::resume(room, hash(token), received, randomness))
    }

    fn grant(&self, number: usize) -> Grant {
        let mut ticket = [0; 16];
        ticket[..8].copy_from_slice(&number.to_le_bytes());
        // A kilobyte of JSON: {"key":"…"}.
        let attributes = Attributes::new([("key", &*"v".repeat(1024 - 10))]).unwrap();
        let mut identity = Identity::default();
        identity.attributes = Some(attributes);
        let room = self.host.engine.room(self.host.room).unwrap();
        room.mint(TicketTag::new(ticket), identity).unwrap()
    }

    /// Takes everything that waits for a connection, and returns how many bytes it was.
    fn read(&mut self, conn: ConnId) -> usize {
        self.host.read(conn).iter().map(size).sum()
    }

    /// The same, with the first message.
    fn first(&mut self, conn: ConnId) -> (usize, Value) {
        let read = self.host.read(conn);
        let Some(Transmit::Frame(first)) = read.first() else { panic!("{read:?}") };
        (read.iter().map(size).sum(), serde_json::from_slice(first).unwrap())
    }
}

fn size(transmit: &Transmit) -> usize {
    match transmit {
        Transmit::Frame(frame) => frame.len(),
        Transmit::Close(_) | Transmit::Ping => 0,
    }
}

fn participants(message: &Value) -> &Vec<Value> {
    message["participants"].as_array().unwrap()
}

/// Every tenth speaks v1.
fn spoken(number: usize) -> ProtocolVersion {
    if number % 10 == 9 { ProtocolVersion::V1 } else { ProtocolVersion::V2 }
}

const PEOPLE: usize = Capacity::MAX as usize;
const MOST_STATE: usize = 4096;
