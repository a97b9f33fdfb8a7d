//! The events of rooms: each once, in order, and with its true reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use signal_core::hub::NodeId;
use signal_core::room::event::{EventKey, RoomEvent, RoomEventKind};
use signal_core::room::{
    Attachment, Capacity, Change, CloseReason, Grant, IdSuffix, LeaveKind, Op, PasswordTag,
    Receipt, Room, RoomSpec, Ticket, TokenHash,
};
use signal_core::store::MemoryStore;
use signal_core::{
    ConnId, DisplayName, Engine, EngineConfig, Event, NewConnection, ParticipantId,
    ProtocolVersion, Randomness, RoomId,
};

use crate::common::{LIFE, START};

const PASSWORD: PasswordTag = PasswordTag::new([7; 32]);

#[test]
fn a_room_that_nobody_connects_to_opens_and_expires() {
    let mut engine = Engine::new(1);
    let room = engine.create(spec()).unwrap();
    // The deadline is handled late.
    engine.handle_timeout(START + 2 * LIFE);
    let [opened, closed] = events(&mut engine).try_into().unwrap();
    assert_eq!((opened.at, opened.kind), (START, RoomEventKind::Opened));
    let reason = CloseReason::Expired;
    assert_eq!((closed.at, closed.kind), (START + LIFE, RoomEventKind::Closed { reason }));
    let key = EventKey { room: room.id(), epoch: room.epoch(), version: 1, position: 0 };
    assert_eq!((opened.key, closed.key), (key, EventKey { version: 2, ..key }));
}

#[test]
fn whoever_comes_and_goes_before_the_store_answers_has_joined_and_left() {
    let (mut store, room) = store();
    let id = join(&mut store, room);
    let joined = store.apply(room, &attach(Ticket::Guest(id), 1), START);
    let left = store.apply(room, &Op::Leave { attachment: link(1), how: LeaveKind::Close }, START);
    assert_eq!(kinds(&joined.events), [("joined", id.to_string())]);
    assert_eq!(kinds(&left.events), [("left", format!("{id} Left"))]);
    let again = store.apply(room, &attach(Ticket::Guest(id), 1), START);
    assert_eq!(again.events, [], "a repetition is no event");
}

#[test]
fn of_thirty_that_go_at_once_each_has_its_true_reason() {
    let (mut store, room) = store();
    let mut ids = Vec::new();
    for number in 1..=30 {
        let id = join(&mut store, room);
        let _ = store.apply(room, &attach(Ticket::Guest(id), number), START);
        ids.push(id);
    }
    let later = START + Duration::from_secs(10);
    for number in 1..=14 {
        let detach = Op::Detach { attachment: link(number), until: later };
        assert_eq!(kinds(&store.apply(room, &detach, START).events)[0].0, "detached");
    }
    let kicked = store.apply(room, &Op::Kick { participant: ids[29], rotate: None }, START).events;
    assert_eq!(kinds(&kicked), [("left", format!("{} Kicked", ids[29]))]);
    let closed = store.apply(room, &Op::Close(CloseReason::ByAdmin), later).events;
    let mut expected: Vec<_> = ids[..29]
        .iter()
        .enumerate()
        .map(|(at, id)| ("left", format!("{id} {}", if at < 14 { "Lost" } else { "RoomClosed" })))
        .collect();
    expected.push(("closed", "ByAdmin".to_owned()));
    assert_eq!(kinds(&closed), expected);
    let positions: Vec<u32> = closed.iter().map(|event| event.key.position).collect();
    assert_eq!(positions, (0..30).collect::<Vec<_>>());
}

#[test]
fn a_seat_that_lapsed_before_the_room_expired_is_lost_at_its_time() {
    let (mut store, room) = store();
    let ids = [1, 2].map(|number| {
        let id = join(&mut store, room);
        let _ = store.apply(room, &attach(Ticket::Guest(id), number), START);
        id
    });
    let until = START + Duration::from_secs(10);
    let _ = store.apply(room, &Op::Detach { attachment: link(1), until }, START);
    // Nobody looks until the room has expired.
    let events = store.apply(room, &Op::Prune, START + 2 * LIFE).events;
    let times: Vec<_> = events.iter().map(|event| event.at).collect();
    assert_eq!(times, [until, START + LIFE, START + LIFE]);
    let [lost, there] = ids.map(|id| id.to_string());
    let expected = [
        ("left", format!("{lost} Lost")),
        ("left", format!("{there} RoomClosed")),
        ("closed", "Expired".to_owned()),
    ];
    assert_eq!(kinds(&events), expected);
}

#[test]
fn a_seat_is_detached_resumed_renamed_and_replaced() {
    let (mut store, room) = store();
    let id = join(&mut store, room);
    let ticket = Ticket::Guest(id);
    let until = START + LIFE;
    let resume = |token, continues, to| Op::Resume {
        token,
        next_token: hash(to),
        attachment: link(to),
        continues,
        client: None,
    };
    let name = Some(DisplayName::parse("robert").unwrap().unwrap());
    let steps = [
        (attach(ticket, 1), vec![("joined", id.to_string())]),
        (Op::Detach { attachment: link(1), until }, vec![("detached", id.to_string())]),
        (resume(hash(1), Some(link(1)), 2), vec![("resumed", format!("{id} true"))]),
        (resume(hash(2), None, 3), vec![("resumed", format!("{id} false"))]),
        (
            Op::Update { attachment: link(3), name, state: None },
            vec![("renamed", format!("{id} robert"))],
        ),
        (attach(ticket, 4), vec![("replaced", format!("p_zzzzx009 {id}"))]),
    ];
    for (op, expected) in steps {
        assert_eq!(kinds(&store.apply(room, &op, START).events), expected, "{op:?}");
    }
}

#[test]
fn changes_and_guesses_are_told() {
    let (mut store, room) = store();
    let change = Change { locked: Some(true), name: Some("den".into()), ..Change::default() };
    let [changed] = store.apply(room, &Op::Change(change), START).events.try_into().unwrap();
    let RoomEventKind::Changed(changed) = changed.kind else { panic!("{changed:?}") };
    assert_eq!((changed.locked, changed.name.as_deref()), (Some(true), Some("den")));
    assert_eq!((changed.capacity, changed.expires_at, changed.password), (None, None, false));
    let by = PasswordTag::new([0; 32]).into();
    let wrong = Op::Admit { by, client: None, suffix: IdSuffix::new(0) };
    let guesses: Vec<_> = (0..Room::PASSWORD_ATTEMPTS)
        .flat_map(|_| store.apply(room, &wrong, START).events)
        .map(|event| event.kind)
        .collect();
    assert_eq!(guesses, [RoomEventKind::PasswordLocked]);
    let restore = Change { restore_attempts: Some(0), ..Change::default() };
    let [restored] = store.apply(room, &Op::Change(restore), START).events.try_into().unwrap();
    assert_eq!(restored.kind, RoomEventKind::PasswordUnlocked);
}

/// `kill -9` after every possible number of writes, with the events told by then.
#[test]
fn a_crash_loses_no_event_that_was_told_and_gives_no_key_another_meaning() {
    for survives in 0..8 {
        let mut config = EngineConfig::default();
        config.saves = true;
        let mut engine = Engine::with_config(1, config.clone()).unwrap();
        let mut table = BTreeMap::new();
        let mut told = BTreeMap::new();
        let mut writes = 0;
        let mut write = |engine: &mut Engine, told: &mut BTreeMap<_, _>| {
            while writes < survives
                && let Some(save) = engine.poll_save()
            {
                writes += 1;
                let record = save.record().unwrap().to_record();
                table.insert(save.room(), record);
                let saved: Vec<RoomEvent> = save.events().to_vec();
                engine.handle_saved(save, START);
                let heard = events(engine);
                assert_eq!(heard, saved, "what is written is told");
                told.extend(heard.into_iter().map(|event| (event.key, event.kind)));
            }
        };
        let room = engine.create(spec()).unwrap().id();
        write(&mut engine, &mut told);
        let mut conns = Vec::new();
        for number in 0..3 {
            let grant = engine.admit(room, PASSWORD, None, number, START).unwrap();
            let name = DisplayName::parse("guest").unwrap().unwrap();
            let randomness = Randomness::draw([number as u8; 36], |_| [number as u8; 32]);
            let opening = NewConnection::attach(room, grant, name, randomness);
            conns.push(engine.handle_open(opening.protocol(ProtocolVersion::V2), START));
            write(&mut engine, &mut told);
        }
        engine.handle_closed(conns[0], START);
        write(&mut engine, &mut told);
        engine.handle_lost(conns[1], START);
        assert_eq!(events(&mut engine), [], "nothing is told that is not written");
        drop(engine);

        let mut engine = Engine::with_config(2, config).unwrap();
        for record in table.values() {
            let record = Room::from_record(record).unwrap();
            let seated = record.seats().iter().map(|seat| seat.id).collect::<BTreeSet<_>>();
            assert_eq!(present(told.values()), seated, "the record has what was told");
            engine.restore(record, [], START).unwrap();
        }
        engine.handle_timeout(START + Duration::from_secs(60));
        while let Some(save) = engine.poll_save() {
            engine.handle_saved(save, START);
        }
        for event in events(&mut engine) {
            let before = told.insert(event.key, event.kind.clone());
            assert!(before.is_none_or(|before| before == event.kind), "{event:?}");
        }
        assert_eq!(present(told.values()), BTreeSet::new(), "everybody is gone in the end");
    }
}

#[test]
fn a_host_that_takes_no_events_is_told_how_many_it_has_missed() {
    let mut config = EngineConfig::default();
    config.max_events = 2;
    let mut engine = Engine::with_config(1, config).unwrap();
    let room = engine.create(spec()).unwrap().id();
    for locked in [true, false, true] {
        let change = Change { locked: Some(locked), ..Change::default() };
        engine.change(room, change, START).unwrap();
    }
    assert_eq!(engine.poll_event(), Some(Event::Dropped { count: 2 }));
    let left: Vec<u64> = events(&mut engine).iter().map(|event| event.key.version).collect();
    assert_eq!(left, [3, 4]);
}

/// The participants that are present according to events.
fn present<'a>(kinds: impl Iterator<Item = &'a RoomEventKind>) -> BTreeSet<ParticipantId> {
    let mut present = BTreeSet::new();
    for kind in kinds {
        match kind {
            RoomEventKind::Joined { participant } => assert!(present.insert(participant.id)),
            RoomEventKind::Left { participant, .. } => assert!(present.remove(&participant.id)),
            _ => {}
        }
    }
    present
}

fn kinds(events: &[RoomEvent]) -> Vec<(&'static str, String)> {
    events
        .iter()
        .map(|event| match &event.kind {
            RoomEventKind::Opened => ("opened", String::new()),
            RoomEventKind::Closed { reason } => ("closed", format!("{reason:?}")),
            RoomEventKind::Joined { participant } => ("joined", participant.id.to_string()),
            RoomEventKind::Left { participant, reason } => {
                ("left", format!("{} {reason:?}", participant.id))
            }
            RoomEventKind::Replaced { participant, replaces } => {
                ("replaced", format!("{} {replaces}", participant.id))
            }
            RoomEventKind::Detached { participant, .. } => ("detached", participant.id.to_string()),
            RoomEventKind::Resumed { participant, continued } => {
                ("resumed", format!("{} {continued}", participant.id))
            }
            RoomEventKind::Renamed { participant } => {
                ("renamed", format!("{} {}", participant.id, participant.name.as_str()))
            }
            other => panic!("not expected: {other:?}"),
        })
        .collect()
}

fn events(engine: &mut Engine) -> Vec<RoomEvent> {
    let events = std::iter::from_fn(|| engine.poll_event());
    events
        .map(|event| match event {
            Event::Room(event) => event,
            other => panic!("not expected: {other:?}"),
        })
        .collect()
}

fn spec() -> RoomSpec {
    let mut spec = RoomSpec::draw([3; 50], PASSWORD, START, LIFE);
    spec.capacity = Capacity::new(50).unwrap();
    spec
}

fn store() -> (MemoryStore, RoomId) {
    let mut store = MemoryStore::new();
    let room = store.create(Room::create(spec())).unwrap().id();
    (store, room)
}

fn join(store: &mut MemoryStore, room: RoomId) -> ParticipantId {
    let admit = Op::Admit { by: PASSWORD.into(), client: None, suffix: IdSuffix::new(9) };
    match store.apply(room, &admit, START).reply {
        Ok(Receipt::Entered { id }) => id,
        other => panic!("{other:?}"),
    }
}

fn attach(ticket: Ticket, number: u64) -> Op {
    Op::Attach {
        grant: Grant::new(ticket, 0),
        name: DisplayName::parse("guest").unwrap().unwrap(),
        protocol: ProtocolVersion::V2,
        attachment: link(number),
        resume: hash(number),
        client: None,
        most_of_address: None,
        suffix: IdSuffix::new(9),
    }
}

fn link(number: u64) -> Attachment {
    Attachment { node: NodeId(1), conn: ConnId(number) }
}

fn hash(number: u64) -> TokenHash {
    TokenHash::new([number as u8; 32])
}
