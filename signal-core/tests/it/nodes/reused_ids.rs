//! Records of rooms that have had the same id, one after the other.

use std::sync::Arc;
use std::time::Duration;

use signal_core::hub::Input;
use signal_core::room::{Change, CloseReason, Op, Reject, Room};
use signal_core::store::{Applied, MemoryStore};
use signal_core::{CloseCode, Timestamp};

use super::support::{Nodes, room_spec};

/// The record of a room with the id of the room of the nodes.
fn other_room(epoch: u64, created_at: Timestamp, changes: u64) -> Arc<Room> {
    let mut room = Room::create(room_spec(epoch, created_at));
    for number in 0..changes {
        let change = Change { locked: Some(number % 2 == 0), ..Change::default() };
        room.apply(&Op::Change(change), created_at).unwrap();
    }
    Arc::new(room)
}

#[test]
fn a_delayed_record_of_an_earlier_room_does_not_end_a_later_one() {
    let mut nodes = Nodes::new();
    let (conn, _) = nodes.join(0);
    let now = nodes.now();
    let hour_ago = Timestamp::from_millis(now.as_millis() - 60 * 60 * 1000);
    // Epochs are in no order. The versions of a room that follows another go on, so that the time
    // of creation may be the same.
    for earlier in [other_room(9, hour_ago, 20), other_room(9, now, 0)] {
        nodes.input(0, Input::Record(earlier));
        assert_eq!((nodes.take(conn), nodes.closed(conn)), (vec![], None));
    }
    let later = other_room(0, now + Duration::from_millis(1), 0);
    nodes.input(0, Input::Record(later));
    assert_eq!(nodes.types(conn), ["room_closed"]);
    assert_eq!(nodes.closed(conn), Some(CloseCode::RoomClosed));
}

#[test]
fn an_answer_from_before_a_room_was_created_does_not_end_it() {
    let mut nodes = Nodes::new();
    let early = nodes.open(0);
    let asked = nodes.commits.remove(0);
    let (member, _) = nodes.join(0);
    let missing = Applied::settled(None, Err(Reject::RoomNotFound));
    nodes.answer(vec![(0, asked.1, missing.clone())]);
    assert_eq!((nodes.take(member), nodes.closed(member)), (vec![], None));
    assert_eq!(nodes.commits, [asked], "the store is asked again");
    nodes.settle();
    assert_eq!(nodes.types(early), ["joined"]);
    // The same answer counts if the record is still the one that was known.
    nodes.take(member);
    nodes.open(0);
    let (node, op, _) = nodes.commits.remove(0);
    nodes.answer(vec![(node, op, missing)]);
    assert_eq!(nodes.types(member), ["room_closed"]);
}

#[test]
fn a_message_in_a_later_room_waits_for_the_record_of_that_room() {
    let mut nodes = Nodes::new();
    // Two, so that no ticket is the same in both rooms.
    nodes.join(1);
    nodes.join(1);
    // Somebody enters while the room ends and another one takes its id.
    let newcomer = nodes.open(1);
    let (node, op, attach) = nodes.commits.remove(0);
    let _ = nodes.store.apply(nodes.room, &Op::Close(CloseReason::ByAdmin), nodes.now());
    let over = nodes.record().clone();
    nodes.input(1, Input::Record(Arc::clone(&over)));
    let mut later = Room::create(room_spec(2, nodes.now()));
    later.follow(&over);
    nodes.store = MemoryStore::new();
    nodes.store.create(later).unwrap();
    let applied = nodes.store.apply(nodes.room, &attach, nodes.now());
    assert!(applied.reply.is_ok());

    let sender = nodes.open(0);
    let (_, op_of_sender, attach) = nodes.commits.remove(0);
    let applied_of_sender = nodes.store.apply(nodes.room, &attach, nodes.now());
    nodes.answer(vec![(0, op_of_sender, applied_of_sender)]);
    nodes.say(sender, r#"{"type":"message","to":"room","topic":"t","data":1}"#);
    nodes.pass();
    nodes.pass();
    assert_eq!(nodes.types(sender), ["joined"], "and no error");
    nodes.answer(vec![(node, op, applied)]);
    nodes.input(1, Input::Record(nodes.record().clone()));
    assert_eq!(nodes.types(newcomer), ["joined", "peer_joined", "message"]);
}
