//! Records of rooms that have had the same id, one after the other.

use std::sync::Arc;
use std::time::Duration;

use signal_core::hub::Input;
use signal_core::room::{Change, Op, Room};
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
