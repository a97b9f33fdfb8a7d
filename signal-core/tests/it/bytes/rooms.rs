//! The bytes of a room between the nodes of a cluster.

use signal_core::InvalidBytes;
use signal_core::identity::{Attributes, Identity};
use signal_core::message::Payload;
use signal_core::room::{Grant, Op, Room, Ticket, TicketTag};

use crate::room::support::*;

/// A room of two, with what a record omits.
fn shared() -> Room {
    let mut room = room(10);
    seated(&mut room, 1);
    let mut op = attach_op(Ticket::Host(TicketTag::new([1; 16])), 2);
    let Op::Attach { grant, .. } = &mut op else { unreachable!() };
    let attributes = Attributes::new([("role", "chair")]).unwrap();
    let identity = Identity::of("user-1".parse().unwrap()).with(attributes);
    *grant = Grant::new(grant.ticket, 0).identified(identity);
    room.apply(&op, NOW).unwrap();
    let state = Some(Payload::new(&["muted"]).unwrap());
    room.apply(&Op::Update { attachment: attachment(1), name: None, state }, NOW).unwrap();
    room
}

#[test]
fn another_node_has_the_whole_room() {
    let mut room = shared();
    let mut read = Room::from_bytes(&room.to_bytes()).unwrap();
    assert_eq!(read, room);
    // That is more than a record has.
    assert_ne!(Room::from_record(&room.to_record()).unwrap(), room);
    // The next id is that which the other node would have issued, so no block of ids is used up.
    assert_eq!(guest(&mut read), guest(&mut room));
}

#[test]
fn a_thousand_nodes_in_turn_use_up_no_more_ids_than_one() {
    let mut one = room(10);
    let mut read = one.clone();
    for _ in 0..1000 {
        read = Room::from_bytes(&read.to_bytes()).unwrap();
        assert_eq!(guest(&mut read), guest(&mut one));
    }
}

#[test]
fn what_a_newer_node_has_written_is_written_back() {
    let mut newer = shared().to_bytes();
    newer[0] += 1;
    newer.extend(b"what only a newer version knows");
    let mut read = Room::from_bytes(&newer).unwrap();
    assert_eq!(read.to_bytes(), newer);
    lock(&mut read);
    let written = read.to_bytes();
    assert_eq!(written[..2], newer[..2]);
    assert!(written.ends_with(b"what only a newer version knows"));
    assert!(Room::from_bytes(&written).unwrap().locked());
}

#[test]
fn what_a_newer_node_has_written_in_the_record_is_written_back() {
    let room = shared();
    let mut record = room.to_record();
    record[0] += 1;
    record.extend(b"what only a newer version knows");
    let beside = room.to_bytes()[2 + 4 + room.to_record().len()..].to_vec();
    let length = u32::try_from(record.len()).unwrap().to_le_bytes();
    let newer = [&[1, 1], &length[..], &record[..], &beside[..]].concat();
    assert_eq!(Room::from_bytes(&newer).unwrap().to_bytes(), newer);
}

#[test]
fn a_room_that_only_a_newer_node_can_read_is_told_from_damage() {
    let mut bytes = shared().to_bytes();
    (bytes[0], bytes[1]) = (2, 2);
    let newer = InvalidBytes::Newer { format: 2, newest: 1 };
    assert_eq!(Room::from_bytes(&bytes), Err(newer));
}

#[test]
fn a_room_is_read_whole_or_not_at_all() {
    let mut bytes = shared().to_bytes();
    for length in 0..bytes.len() {
        let read = Room::from_bytes(&bytes[..length]);
        assert_eq!(read, Err(InvalidBytes::Damaged), "{length} bytes");
    }
    bytes.push(0);
    assert_eq!(Room::from_bytes(&bytes), Err(InvalidBytes::Damaged));
}

#[test]
fn no_changed_byte_of_a_room_does_harm() {
    let bytes = shared().to_bytes();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1 << bit;
            let Ok(mut room) = Room::from_bytes(&bytes) else { continue };
            let _ = room.apply(&admit_op([7; 32]), NOW);
            assert!(Room::from_bytes(&room.to_bytes()).is_ok(), "bit {bit} of byte {place}");
        }
    }
}
