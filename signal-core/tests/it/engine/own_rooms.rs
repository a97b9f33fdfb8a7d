//! Rooms beyond the document's: with an id that the host has chosen, without a creator, and large.

use serde_json::json;
use signal_core::identity::Identity;
use signal_core::room::event::RoomEventKind;
use signal_core::room::{
    Admission, Capacity, Change, CloseReason, Grant, Reject, Room, RoomSpec, TicketTag,
};
use signal_core::store::RoomIdTaken;
use signal_core::{
    CloseCode, CreateError, EngineConfig, ErrorCode, Event, NewConnection, ProtocolVersion, RoomId,
    Transmit,
};

use super::host::{Host, PASSWORD};
use crate::common::LIFE;

#[test]
fn a_chosen_id_is_free_again_when_its_room_is_over() {
    let mut host = Host::new(EngineConfig::default());
    let id = RoomId::chosen("Team-7.daily").unwrap();
    let first = host.engine.create(spec(&host, id, 1)).unwrap();
    let taken = Err(CreateError::IdTaken(RoomIdTaken));
    assert_eq!(host.engine.create(spec(&host, id, 2)), taken, "it is open");
    host.engine.close(id, CloseReason::ByAdmin, host.now).unwrap();
    let over = host.engine.room(id).unwrap().version();
    let second = host.engine.create(spec(&host, id, 2)).unwrap();
    assert_eq!((first.epoch(), second.epoch()), (1, 2));
    assert!(second.version() > over, "an older write is not taken for one of this room");
    let opened = std::iter::from_fn(|| host.engine.poll_event())
        .filter(|event| matches!(event, Event::Room(told) if told.kind == RoomEventKind::Opened));
    assert_eq!(opened.count(), 3, "with the room that the host has anyway");
    let read = Room::from_record(&second.to_record()).unwrap();
    assert_eq!((read.id(), read.epoch()), (id, 2));
}

#[test]
fn a_generated_id_is_not_used_again() {
    let mut host = Host::new(EngineConfig::default());
    host.engine.close(host.room, CloseReason::ByAdmin, host.now).unwrap();
    let again = host.engine.create(spec(&host, host.room, 2));
    assert_eq!(again, Err(CreateError::IdTaken(RoomIdTaken)));
}

#[test]
fn a_grant_of_an_earlier_room_is_void_in_a_later_one_with_its_id() {
    let mut host = Host::new(EngineConfig::default());
    host.room = RoomId::chosen("daily").unwrap();
    let first = host.engine.create(spec(&host, host.room, 1)).unwrap();
    let joined = host.admit().unwrap();
    let minted = first.mint(TicketTag::new([1; 16]), Identity::default()).unwrap();
    host.engine.close(host.room, CloseReason::ByAdmin, host.now).unwrap();
    host.engine.create(spec(&host, host.room, 2)).unwrap();
    for grant in [joined, minted, Grant::creator().for_epoch(1)] {
        let late = host.enter(grant, "late", ProtocolVersion::V1);
        assert!(host.read(late).contains(&Transmit::Close(CloseCode::BadToken)));
    }
    let grant = host.admit().unwrap();
    let guest = host.enter(grant, "guest", ProtocolVersion::V1);
    assert_eq!(host.types(guest), ["joined"]);
}

#[test]
fn a_resume_token_of_an_earlier_room_opens_no_later_one() {
    let mut host = Host::new(EngineConfig::default());
    host.room = RoomId::chosen("daily").unwrap();
    host.engine.create(spec(&host, host.room, 1)).unwrap();
    let bob = host.guest("bob");
    let token = host.messages(bob)[0]["resume_token"].as_str().unwrap().to_owned();
    host.engine.close(host.room, CloseReason::ByAdmin, host.now).unwrap();
    host.engine.create(spec(&host, host.room, 2)).unwrap();
    let (token, randomness) = (super::host::hash(&token), host.randomness());
    let late = host.open(NewConnection::resume(host.room, token, 1, randomness));
    assert!(host.read(late).contains(&Transmit::Close(CloseCode::ResumeFailed)));
}

#[test]
fn the_answer_to_a_message_from_an_earlier_room_reaches_nobody_in_a_later_one() {
    let mut host = Host::new(EngineConfig::with(|config| config.max_message_bytes = 1 << 20));
    host.room = RoomId::chosen("daily").unwrap();
    let ask = json!({"type": "message", "to": "host", "topic": "t", "data": 1});
    for epoch in [1, 2] {
        host.engine.create(spec(&host, host.room, epoch)).unwrap();
        let creator = host.enter(Grant::creator(), "creator", ProtocolVersion::V2);
        host.say(creator, &ask);
        assert_eq!(host.types(creator), ["joined"]);
        if epoch == 1 {
            host.engine.close(host.room, CloseReason::ByAdmin, host.now).unwrap();
            continue;
        }
        let [earlier, later] = [host.engine.poll_message(), host.engine.poll_message()];
        assert_eq!(earlier.as_ref().map(|message| message.epoch), Some(1));
        host.engine.refuse(earlier.unwrap(), ErrorCode::Forbidden, host.now);
        assert!(host.messages(creator).is_empty());
        host.engine.refuse(later.unwrap(), ErrorCode::Forbidden, host.now);
        assert_eq!(host.types(creator), ["error"]);
    }
}

#[test]
fn a_room_without_a_creator_keeps_no_seat_for_one() {
    let mut host = Host::new(EngineConfig::default());
    host.room = RoomId::chosen("daily").unwrap();
    let capacity = Capacity::new(2).unwrap();
    let spec = RoomSpec { creator: None, capacity, ..spec(&host, host.room, 1) };
    let room = host.engine.create(spec).unwrap();
    assert_eq!((room.creator(), room.capacity()), (None, capacity));
    let creator = host.enter(Grant::creator(), "nobody", ProtocolVersion::V1);
    assert!(host.read(creator).contains(&Transmit::Close(CloseCode::BadToken)));
    let guests = [host.guest("a"), host.guest("b")];
    assert_eq!(host.admit(), Err(Reject::RoomFull));
    // The last one does not end the room either.
    for guest in guests {
        host.engine.handle_closed(guest, host.now);
    }
    let read = Room::from_record(&host.engine.room(host.room).unwrap().to_record()).unwrap();
    assert_eq!((read.creator(), read.seats().len()), (None, 0));
    assert!(host.admit().is_ok());
}

#[test]
fn whom_the_host_lets_pass_the_lock_enters_the_locked_room() {
    let mut host = Host::new(EngineConfig::default());
    let locked = Change { locked: Some(true), ..Change::default() };
    host.engine.change(host.room, locked, host.now).unwrap();
    let admit = |host: &mut Host, passes_lock| {
        let by = Admission::Host { passes_lock };
        host.engine.admit(host.room, by, None, 5, host.now)
    };
    assert_eq!(admit(&mut host, false), Err(Reject::RoomLocked));
    let grant = admit(&mut host, true).unwrap();
    let guest = host.enter(grant, "guest", ProtocolVersion::V2);
    assert_eq!(host.types(guest), ["joined"]);
}

#[test]
fn a_room_is_as_large_as_the_host_allows() {
    let mut host = Host::new(EngineConfig::default());
    let large = Capacity::new(51).unwrap();
    let id = RoomId::chosen("large").unwrap();
    let spec = RoomSpec { capacity: large, ..spec(&host, id, 1) };
    assert_eq!(host.engine.create(spec), Err(CreateError::TooLarge));
    let change = Change { capacity: Some(large), ..Change::default() };
    assert_eq!(host.engine.change(host.room, change, host.now), Err(Reject::RoomTooLarge));
}

fn spec(host: &Host, id: RoomId, epoch: u64) -> RoomSpec {
    RoomSpec { id, epoch, ..RoomSpec::draw([4; 50], PASSWORD, host.now, LIFE) }
}
