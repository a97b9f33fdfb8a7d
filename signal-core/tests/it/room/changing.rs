//! Changes of rooms and seats, and how they are counted.

use bytes::Bytes;
use signal_core::Timestamp;
use signal_core::identity::Attributes;
use signal_core::message::Payload;
use signal_core::room::{Capacity, Change, CloseReason, Op, Reject, Status, Ticket};

use super::support::*;

#[test]
fn a_repeated_operation_changes_nothing_and_a_change_raises_the_version_by_one() {
    let mut room = room(10);
    let guest = admit(&mut room).unwrap();
    let until = NOW + GRACE;
    let operations = [
        attach_op(Ticket::Creator, 1),
        attach_op(Ticket::Guest(guest), 2),
        Op::Detach { attachment: attachment(2), until },
        leave(1),
        Op::Close(CloseReason::ByCreator),
        Op::Prune,
    ];
    let changes = operations.map(|op| (change(&mut room, &op), change(&mut room, &op)));
    assert_eq!(changes, [(1, 0), (1, 0), (1, 0), (1, 0), (0, 0), (0, 0)]);
}

#[test]
fn a_change_that_changes_nothing_raises_no_version() {
    let mut room = room(10);
    let same = Change {
        name: Some("room".into()),
        locked: Some(false),
        capacity: Some(Capacity::new(10).unwrap()),
        expires_at: Some(NOW + HOUR),
        data: Some(Attributes::default()),
        rotate: None,
        restore_attempts: None,
    };
    assert_eq!(change(&mut room, &Op::Change(same)), 0);
    let other = Change {
        name: Some("other".into()),
        locked: Some(true),
        capacity: Some(Capacity::new(2).unwrap()),
        expires_at: Some(NOW + 2 * HOUR),
        data: Attributes::new([("meeting", "17")]).ok(),
        rotate: None,
        restore_attempts: None,
    };
    assert_eq!(change(&mut room, &Op::Change(other)), 1);
    assert_eq!(room.data().unwrap().as_json(), br#"{"meeting":"17"}"#);
    let none = Change { data: Some(Attributes::default()), ..Change::default() };
    assert_eq!(change(&mut room, &Op::Change(none)), 1);
    assert_eq!(room.data(), None);
    let info = room.info();
    assert_eq!((&*info.name, info.locked, info.max_participants), ("other", true, 2));
}

#[test]
fn each_change_raises_the_version_by_itself() {
    let changes = [
        Change { name: Some("other".into()), ..Change::default() },
        Change { locked: Some(true), ..Change::default() },
        Change { capacity: Some(Capacity::new(2).unwrap()), ..Change::default() },
        Change { expires_at: Some(NOW + 2 * HOUR), ..Change::default() },
        Change { rotate: Some(rotation(20, 0)), ..Change::default() },
        Change { restore_attempts: Some(0), ..Change::default() },
    ];
    for each in changes {
        assert_eq!(change(&mut room(10), &Op::Change(each.clone())), 1, "{each:?}");
    }
}

#[test]
fn a_participant_changes_what_it_shows() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    let state = Payload::new(&true).unwrap();
    let update = Op::Update {
        attachment: attachment(1),
        name: Some(name("new")),
        state: Some(state.clone()),
    };
    assert_eq!((change(&mut room, &update), change(&mut room, &update)), (1, 0));
    let seat = room.seat(id).unwrap();
    assert_eq!((seat.name.as_str(), &seat.state), ("new", &Some(state)));
    assert_eq!(
        change(
            &mut room,
            &Op::Update { attachment: attachment(9), name: Some(name("x")), state: None }
        ),
        0
    );
}

#[test]
fn of_a_participants_updates_the_last_one_counts_and_what_it_does_not_name_stays() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    let (first, last) = (Payload::new(&1).unwrap(), Payload::new(&2).unwrap());
    let update = |name, state| Op::Update { attachment: attachment(1), name, state };
    assert_eq!(change(&mut room, &update(None, Some(first))), 1);
    assert_eq!(change(&mut room, &update(None, Some(last.clone()))), 1);
    assert_eq!(change(&mut room, &update(Some(name("new")), None)), 1);
    assert_eq!(change(&mut room, &update(None, None)), 0);
    let seat = room.seat(id).unwrap();
    assert_eq!((seat.name.as_str(), &seat.state), ("new", &Some(last)));
}

#[test]
fn a_state_does_not_keep_the_frame_it_came_in() {
    let mut room = room(10);
    seated(&mut room, 1);
    let frame = Bytes::from(br#"{"a":1}"#.to_vec());
    let state = Some(Payload::from_json(&frame).unwrap());
    room.apply(&Op::Update { attachment: attachment(1), name: None, state }, NOW).unwrap();
    assert!(frame.is_unique());
}

#[test]
fn a_room_whose_end_is_moved_lasts_until_then() {
    let mut room = room(10);
    set(&mut room, Change { expires_at: Some(NOW + 2 * HOUR), ..Change::default() }).unwrap();
    prune(&mut room, NOW + HOUR);
    assert_eq!((room.status(), room.deadline()), (Status::Open, Some(NOW + 2 * HOUR)));
}

#[test]
fn a_room_whose_end_is_moved_into_the_past_is_due_at_once() {
    let mut room = room(10);
    seated(&mut room, 1);
    set(&mut room, Change { expires_at: Some(NOW), ..Change::default() }).unwrap();
    assert_eq!(room.deadline(), Some(NOW));
    prune(&mut room, NOW);
    assert_eq!((room.status(), room.seats().len()), (Status::Closed(CloseReason::Expired), 0));
}

#[test]
fn a_room_that_is_over_is_not_changed() {
    let mut closed = room(10);
    let longer = Change { expires_at: Some(NOW + 2 * HOUR), ..Change::default() };
    let mut expired = closed.clone();
    closed.apply(&Op::Close(CloseReason::ByCreator), NOW).unwrap();
    assert_eq!(set(&mut closed, longer.clone()), Err(Reject::RoomClosed));
    prune(&mut expired, NOW + HOUR);
    assert_eq!(set(&mut expired, longer), Err(Reject::RoomExpired));
}

#[test]
fn an_operation_that_is_refused_still_ends_what_is_due() {
    let mut room = room(10);
    seated(&mut room, 1);
    detach(&mut room, 1);
    let version = room.version();
    let reply = room.apply(&Op::Kick { participant: room.creator_id(), rotate: None }, NOW + GRACE);
    assert_eq!(reply, Err(Reject::ParticipantNotFound));
    assert_eq!((room.seats().len(), room.version()), (0, version + 1));
}

#[test]
fn pruning_changes_nothing_before_the_deadline() {
    let mut room = room(10);
    seated(&mut room, 1);
    detach(&mut room, 1);
    let almost = Timestamp::from_millis(room.deadline().unwrap().as_millis() - 1);
    unchanged(&mut room, |room| prune(room, almost));
}
