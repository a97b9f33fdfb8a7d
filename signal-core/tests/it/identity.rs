//! The identities that a host gives to participants, and the parts that others see.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use signal_core::identity::{Attributes, Identity, InvalidIdentity, UserId};
use signal_core::room::event::RoomEventKind;
use signal_core::room::{
    Capacity, Grant, Op, PasswordTag, Reject, Room, RoomSpec, Ticket, TicketTag, TokenHash,
};
use signal_core::{
    ConnId, DisplayName, Engine, EngineConfig, Event, InvalidBytes, NewConnection, ParticipantId,
    ProtocolVersion, Randomness, RoomId, Transmit,
};

use crate::common::{LIFE, START};

const PASSWORD: PasswordTag = PasswordTag::new([7; 32]);

#[test]
fn attributes_are_shown_to_v2_and_the_user_and_ticket_to_nobody() {
    let mut host = Host::new(EngineConfig::default());
    let old = host.enter(Grant::creator(), ProtocolVersion::V1);
    let bob = host.mint(1, identity("user-1", "host")).unwrap();
    let bob = host.enter(bob, ProtocolVersion::V2);
    let carol = host.mint(2, identity("user-2", "guest")).unwrap();
    let carol = host.enter(carol, ProtocolVersion::V2);
    let told = host.read(bob);
    assert_eq!(told[1]["participant"]["attributes"], json!({"role": "guest"}));
    let joined = host.read(carol);
    assert_eq!(joined[0]["participants"][1]["attributes"], json!({"role": "host"}));
    assert_eq!(joined[0]["participants"][0].get("attributes"), None, "the creator has none");
    let to_v1 = host.read(old);
    for message in told.iter().chain(&joined).chain(&to_v1) {
        let text = message.to_string();
        assert!(!text.contains("user-") && !text.contains("0101"), "{text}");
    }
    assert!(!to_v1.iter().any(|message| message.to_string().contains("role")), "{to_v1:?}");
}

#[test]
fn the_host_changes_attributes_in_mid_call_and_v2_participants_learn_it() {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config);
    let (mut records, mut seats) = (BTreeMap::new(), BTreeMap::new());
    let old = host.enter(Grant::creator(), ProtocolVersion::V1);
    let bob = host.mint(1, identity("user-1", "guest")).unwrap();
    let bob = host.enter(bob, ProtocolVersion::V2);
    let carol = host.mint(2, Identity::default()).unwrap();
    let carol = host.enter(carol, ProtocolVersion::V2);
    save(&mut host.engine, &mut records, &mut seats);
    let ids: Vec<_> =
        host.engine.room(host.room).unwrap().seats().iter().map(|seat| seat.id).collect();
    for conn in [old, bob, carol] {
        host.read(conn);
    }
    let set = |host: &mut Host, id, texts: &[(&'static str, &'static str)]| {
        let attributes = Attributes::new(texts.iter().copied()).unwrap();
        host.engine.set_attributes(host.room, id, attributes, START)
    };
    for (id, user) in [(ids[1], Some("user-1")), (ids[2], None)] {
        set(&mut host, id, &[("role", "chair")]).unwrap();
        save(&mut host.engine, &mut records, &mut seats);
        let kept = Identity::from_bytes(&seats[&id]).unwrap();
        assert_eq!(kept.user, user.map(|user| user.parse().unwrap()), "it stays who it is");
        assert_eq!(kept.attributes, Attributes::new([("role", "chair")]).ok());
    }
    let version = host.engine.room(host.room).unwrap().version();
    set(&mut host, ids[1], &[("role", "chair")]).unwrap();
    assert_eq!(host.engine.room(host.room).unwrap().version(), version, "nothing has changed");
    for id in [ids[1], ids[2]] {
        set(&mut host, id, &[]).unwrap();
    }
    save(&mut host.engine, &mut records, &mut seats);
    assert_eq!(seats.keys().collect::<Vec<_>>(), [&ids[1]], "carol has no identity any more");
    assert_eq!(Identity::from_bytes(&seats[&ids[1]]).unwrap().attributes, None);

    let told = |id: ParticipantId, attributes: Value| json!({"type": "peer_updated", "participant_id": id.as_str(), "attributes": attributes});
    let chair = json!({"role": "chair"});
    assert_eq!(host.read(carol), [told(ids[1], chair.clone()), told(ids[1], json!({}))]);
    assert_eq!(host.read(bob), [told(ids[2], chair), told(ids[2], json!({}))]);
    assert_eq!(host.read(old), [Value::Null; 0], "v1 has no attributes");
    let changes = std::iter::from_fn(|| host.engine.poll_event()).filter(|event| {
        let Event::Room(event) = event else { return false };
        matches!(event.kind, RoomEventKind::AttributesChanged { .. })
    });
    assert_eq!(changes.count(), 4);
    let nobody = "p_zzzz9999".parse().unwrap();
    assert_eq!(set(&mut host, nobody, &[]), Err(Reject::ParticipantNotFound));
}

/// Several changes of one seat are written at once, in place of what the store has of it.
#[test]
fn an_identity_that_is_gone_before_the_write_does_not_stay_in_the_store() {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config);
    let (mut records, mut seats) = (BTreeMap::new(), BTreeMap::new());
    let attributes = |role| Attributes::new([("role", role)]).unwrap();
    let devices: Vec<ConnId> = (1..=2)
        .map(|number| {
            let identity = Identity::default().with(attributes("guest"));
            let grant = host.mint(number, identity).unwrap();
            host.enter(grant, ProtocolVersion::V2)
        })
        .collect();
    save(&mut host.engine, &mut records, &mut seats);
    assert_eq!(seats.len(), 2);
    let ids: Vec<_> =
        host.engine.room(host.room).unwrap().seats().iter().map(|seat| seat.id).collect();
    for id in &ids {
        host.engine.set_attributes(host.room, *id, attributes("chair"), START).unwrap();
    }
    host.engine.set_attributes(host.room, ids[0], Attributes::default(), START).unwrap();
    host.engine.handle_closed(devices[1], START);
    save(&mut host.engine, &mut records, &mut seats);
    assert_eq!(seats, BTreeMap::new(), "one has removed its attributes, the other has left");
}

#[test]
fn a_ticket_of_the_host_has_one_seat_and_the_room_issues_its_ids() {
    let mut host = Host::new(EngineConfig::default());
    let grant = host.mint(1, Identity::default()).unwrap();
    let first = host.enter(grant.clone(), ProtocolVersion::V2);
    let second = host.enter(grant, ProtocolVersion::V2);
    assert_eq!(host.closed(first), Some(4509));
    assert!(host.engine.is_open(second));
    let seats = host.engine.room(host.room).unwrap().seats();
    assert_eq!(seats.len(), 1);
    assert!(seats[0].id.as_str().starts_with("p_zzzz"), "{}", seats[0].id);
}

#[test]
fn the_promised_id_is_kept_while_it_is_the_newest() {
    let mut host = Host::new(EngineConfig::default());
    let promise = |host: &mut Host| {
        let grant = host.engine.admit(host.room, PASSWORD, None, 5, START).unwrap();
        let Ticket::Guest(id) = grant.ticket else { panic!("{grant:?}") };
        id
    };
    let (older, newer) = (promise(&mut host), promise(&mut host));
    for (number, promised, is_kept) in [(1, newer, true), (2, older, false)] {
        let grant = host.mint(number, Identity::default()).unwrap().promised(promised);
        host.enter(grant, ProtocolVersion::V2);
        let newest = host.engine.room(host.room).unwrap().seats().last().unwrap().id;
        assert_eq!(newest == promised, is_kept);
    }
}

#[test]
fn a_user_is_kicked_on_every_device_and_a_banned_one_stays_out() {
    let mut host = Host::new(EngineConfig::default());
    let user: UserId = "user-1".parse().unwrap();
    let devices: Vec<ConnId> = (1..=2)
        .map(|number| {
            let grant = host.mint(number, Identity::of(user.clone())).unwrap();
            host.enter(grant, ProtocolVersion::V2)
        })
        .collect();
    let other = host.mint(3, identity("user-2", "guest")).unwrap();
    let other = host.enter(other, ProtocolVersion::V2);
    let token = host.read(devices[0])[0]["resume_token"].as_str().unwrap().to_owned();
    host.engine.kick_user(host.room, user.clone(), false, START).unwrap();
    for device in devices {
        assert_eq!(host.closed(device), Some(4511));
    }
    assert!(host.engine.is_open(other));
    let again = host.engine.kick_user(host.room, user.clone(), false, START);
    assert_eq!(again, Err(Reject::ParticipantNotFound));

    // A kick voids the tokens, a ban every grant.
    let grant = host.mint(4, Identity::of(user.clone())).unwrap();
    host.engine.kick_user(host.room, user.clone(), true, START).unwrap();
    assert_eq!(host.mint(5, Identity::of(user.clone())), Err(Reject::GrantVoid));
    let refused = host.enter(grant, ProtocolVersion::V2);
    assert_eq!(host.read(refused)[0]["code"], "token_invalid");
    let resumed =
        host.open(|room, randomness| NewConnection::resume(room, hash(&token), 1, randomness));
    assert_eq!(host.read(resumed)[0]["code"], "resume_failed");
    let record = host.engine.room(host.room).unwrap().to_record();
    assert!(Room::from_record(&record).unwrap().is_banned(&user), "also after a restart");
}

#[test]
fn the_creator_is_not_kicked_by_the_name_of_its_user() {
    let mut host = Host::new(EngineConfig::default());
    let user: UserId = "owner".parse().unwrap();
    let creator = Grant::creator().identified(Identity::of(user.clone()));
    host.enter(creator, ProtocolVersion::V2);
    let kicked = host.engine.kick_user(host.room, user.clone(), true, START);
    assert_eq!(kicked, Err(Reject::CreatorStays));

    let mut host = Host::new(EngineConfig::default());
    host.engine.kick_user(host.room, user.clone(), true, START).unwrap();
    let creator = Grant::creator().identified(Identity::of(user));
    let conn = host.enter(creator, ProtocolVersion::V2);
    assert_eq!(host.read(conn)[0]["type"], "joined", "it was not there, and may enter");
}

#[test]
fn a_room_keeps_the_last_256_users_that_were_banned() {
    let mut room = Room::create(spec());
    let user = |number: usize| format!("user-{number}").parse::<UserId>().unwrap();
    for number in 0..257 {
        room.apply(&Op::KickUser { user: user(number), ban: true }, START).unwrap();
    }
    assert!(!room.is_banned(&user(0)) && room.is_banned(&user(1)) && room.is_banned(&user(256)));
    let version = room.version();
    room.apply(&Op::KickUser { user: user(256), ban: true }, START).unwrap();
    assert_eq!(room.version(), version, "a repetition changes nothing");
}

#[test]
fn events_name_who_it_was() {
    let mut host = Host::new(EngineConfig::default());
    let grant = host.mint(1, identity("user-1", "guest")).unwrap();
    let conn = host.enter(grant, ProtocolVersion::V1);
    host.engine.handle_closed(conn, START);
    let users: Vec<_> = std::iter::from_fn(|| host.engine.poll_event())
        .filter_map(|event| match event {
            Event::Room(event) => match event.kind {
                RoomEventKind::Joined { participant } | RoomEventKind::Left { participant, .. } => {
                    participant.identity.user.clone()
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(users, ["user-1".parse().unwrap(), "user-1".parse().unwrap()]);
}

/// Fifty participants with attributes of the full length enter one after the other, and every
/// change is written.
#[test]
fn identities_are_written_once_and_outlive_the_process() {
    let mut config = EngineConfig::default();
    config.saves = true;
    let mut host = Host::new(config.clone());
    let (mut records, mut seats) = (BTreeMap::new(), BTreeMap::new());
    let mut written = 0;
    for number in 1..=49 {
        let full = "x".repeat(1024 - r#"{"role":""}"#.len());
        let grant = host.mint(number, identity(&"u".repeat(128), &full)).unwrap();
        host.enter(grant, ProtocolVersion::V2);
        written += save(&mut host.engine, &mut records, &mut seats);
    }
    assert_eq!(seats.len(), 49);
    assert!(written < 200 * 1024, "{written} bytes");
    let last = host.engine.room(host.room).unwrap().seats().last().unwrap().clone();
    let leave = ConnId(last.attachment.conn.0);
    host.engine.handle_closed(leave, START);
    save(&mut host.engine, &mut records, &mut seats);
    assert_eq!(seats.len(), 48, "what is not needed is removed");

    let mut engine = Engine::with_config(2, config).unwrap();
    let room = Room::from_record(&records[&host.room]).unwrap();
    let read = seats.iter().map(|(id, bytes)| (*id, Identity::from_bytes(bytes).unwrap()));
    engine.restore(room, read, START).unwrap();
    let restored = engine.room(host.room).unwrap().seats();
    let user = "u".repeat(128).parse().unwrap();
    assert!(restored.iter().all(|seat| seat.identity.user.as_ref() == Some(&user)));
    assert_eq!(restored.len(), 48);
}

/// Writes pending changes; returns the number of bytes.
fn save(
    engine: &mut Engine,
    records: &mut BTreeMap<RoomId, Vec<u8>>,
    seats: &mut BTreeMap<ParticipantId, Vec<u8>>,
) -> usize {
    let mut written = 0;
    while let Some(save) = engine.poll_save() {
        let record = save.record().unwrap().to_record();
        written += record.len();
        records.insert(save.room(), record);
        for (id, identity) in save.seats() {
            match identity {
                Some(identity) => {
                    written += identity.to_bytes().len();
                    seats.insert(*id, identity.to_bytes());
                }
                None => drop(seats.remove(id)),
            }
        }
        engine.handle_saved(save, START);
    }
    written
}

#[test]
fn what_is_too_long_or_of_another_form_is_no_identity() {
    assert_eq!("".parse::<UserId>(), Err(InvalidIdentity::UserId));
    assert_eq!("x".repeat(129).parse::<UserId>(), Err(InvalidIdentity::UserId));
    let long = "x".repeat(1024);
    assert_eq!(Attributes::new([("a", long.as_str())]), Err(InvalidIdentity::Attributes));
    for wrong in ["[]", "1", r#"{"a":1}"#, r#"{"a":{"b":"c"}}"#, r#"{"a":"b""#, ""] {
        let read = Attributes::from_json(&wrong.into());
        assert_eq!(read, Err(InvalidIdentity::Attributes), "{wrong}");
    }
}

#[test]
fn the_bytes_of_an_identity_are_read_again_and_nothing_else_is() {
    for identity in [Identity::default(), identity("user-1", "guest")] {
        let bytes = identity.to_bytes();
        assert_eq!(Identity::from_bytes(&bytes), Ok(identity));
        for length in 0..bytes.len() {
            let read = Identity::from_bytes(&bytes[..length]);
            assert_eq!(read, Err(InvalidBytes::Damaged), "{length} bytes");
        }
    }
    let newer = Identity::from_bytes(&[3, 3, 0, 0]);
    assert_eq!(newer, Err(InvalidBytes::Newer { format: 3, newest: 2 }));
    assert_eq!(Identity::from_bytes(&[1, 0, 0]), Ok(Identity::default()), "of an older version");
}

#[test]
fn what_a_newer_version_has_added_to_an_identity_is_kept() {
    let mut newer = identity("user-1", "guest").to_bytes();
    newer[0] = 3;
    newer.extend(b"what only format 3 knows");
    assert_eq!(Identity::from_bytes(&newer).unwrap().to_bytes(), newer);
}

struct Host {
    engine: Engine,
    room: RoomId,
    opened: u32,
}

impl Host {
    fn new(config: EngineConfig) -> Self {
        let mut engine = Engine::with_config(1, config).unwrap();
        let room = engine.create(spec()).unwrap().id();
        Self { engine, room, opened: 0 }
    }

    fn mint(&self, number: u8, identity: Identity) -> Result<Grant, Reject> {
        self.engine.room(self.room).unwrap().mint(TicketTag::new([number; 16]), identity)
    }

    fn enter(&mut self, grant: Grant, protocol: ProtocolVersion) -> ConnId {
        let name = DisplayName::parse("guest").unwrap().unwrap();
        self.open(|room, randomness| {
            NewConnection::attach(room, grant, name, randomness).protocol(protocol)
        })
    }

    fn open(&mut self, opening: impl FnOnce(RoomId, Randomness) -> NewConnection) -> ConnId {
        self.opened += 1;
        let mut random = [0; 36];
        random[32..].copy_from_slice(&self.opened.to_le_bytes());
        let opening = opening(self.room, Randomness::draw(random, hash_bytes));
        self.engine.handle_open(opening, START)
    }

    /// Takes the messages that wait for a connection.
    fn read(&mut self, conn: ConnId) -> Vec<Value> {
        let all = std::iter::from_fn(|| self.engine.poll_transmit(conn, START));
        all.filter_map(|transmit| match transmit {
            Transmit::Frame(frame) => Some(serde_json::from_slice(&frame).unwrap()),
            Transmit::Ping | Transmit::Close(_) => None,
        })
        .collect()
    }

    /// The code that a connection is closed with.
    fn closed(&mut self, conn: ConnId) -> Option<u16> {
        let mut all = std::iter::from_fn(|| self.engine.poll_transmit(conn, START));
        all.find_map(|transmit| match transmit {
            Transmit::Close(code) => Some(code.as_u16()),
            Transmit::Frame(_) | Transmit::Ping => None,
        })
    }
}

fn spec() -> RoomSpec {
    let mut spec = RoomSpec::draw([3; 50], PASSWORD, START, LIFE);
    spec.capacity = Capacity::new(50).unwrap();
    spec
}

fn identity(user: &str, role: &str) -> Identity {
    Identity::of(user.parse().unwrap()).with(Attributes::new([("role", role)]).unwrap())
}

fn hash(token: &str) -> TokenHash {
    TokenHash::new(hash_bytes(token))
}

fn hash_bytes(token: &str) -> [u8; 32] {
    token.as_bytes()[32..].try_into().unwrap()
}
