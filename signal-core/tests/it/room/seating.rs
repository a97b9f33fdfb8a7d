//! Who gets a seat, under which id, and whose seat is given up for it.

use signal_core::room::{LeaveReason, Op, Reject, Room, Ticket};
use signal_core::{AddressTag, Client, ParticipantId, ProtocolVersion};

use super::support::*;

#[test]
fn each_id_is_smaller_than_all_before_it() {
    let mut room = room(50);
    let mut last = room.creator_id();
    for _ in 0..100 {
        let id = admit(&mut room).unwrap();
        assert!(id < last, "{id} came after {last}");
        last = id;
    }
}

#[test]
fn whoever_attaches_enters_as_the_newest_and_keeps_the_promised_id_only_if_it_is() {
    let mut room = room(50);
    let first = admit(&mut room).unwrap();
    let second = admit(&mut room).unwrap();
    assert_eq!(attach(&mut room, Ticket::Guest(second), 1), Ok(second));
    let late = attach(&mut room, Ticket::Guest(first), 2).unwrap();
    assert!(late < second);
    let creator = attach(&mut room, Ticket::Creator, 3).unwrap();
    assert!(creator < late);
    assert_eq!(ids(&room), [second, late, creator]);
}

#[test]
fn the_first_to_attach_may_be_the_creator_and_keeps_the_id_of_create() {
    let mut room = room(2);
    let promised = room.creator_id();
    assert_eq!(attach(&mut room, Ticket::Creator, 1), Ok(promised));
    assert!(room.seat(promised).unwrap().is_creator());
}

#[test]
fn a_ticket_used_again_replaces_the_older_socket_under_a_fresh_id() {
    let mut room = room(2);
    let promised = admit(&mut room).unwrap();
    let older = attach(&mut room, Ticket::Guest(promised), 1).unwrap();
    let newer = attach(&mut room, Ticket::Guest(promised), 2).unwrap();
    assert!(newer < older);
    assert_eq!(ids(&room), [newer]);
    // What the replaced socket still does names an old attachment.
    assert_eq!(change(&mut room, &leave(1)), 0);
    assert_eq!(ids(&room), [newer]);
}

#[test]
fn guests_leave_one_seat_for_the_creator() {
    let mut room = room(3);
    let early: Vec<ParticipantId> = (0..3).map(|_| admit(&mut room).unwrap()).collect();
    attach(&mut room, Ticket::Guest(early[0]), 1).unwrap();
    attach(&mut room, Ticket::Guest(early[1]), 2).unwrap();
    assert_eq!(admit(&mut room), Err(Reject::RoomFull));
    assert_eq!(attach(&mut room, Ticket::Guest(early[2]), 3), Err(Reject::RoomFull));
    attach(&mut room, Ticket::Creator, 4).unwrap();
    assert_eq!(room.seats().len(), 3);
}

#[test]
fn a_room_for_one_holds_the_creator_alone() {
    let mut room = room(1);
    assert_eq!(admit(&mut room), Err(Reject::RoomFull));
    attach(&mut room, Ticket::Creator, 1).unwrap();
}

#[test]
fn a_newcomer_to_a_full_room_takes_the_seat_of_the_guest_that_was_lost_longest_ago() {
    let mut room = room(4);
    let guests: Vec<ParticipantId> = (0..4).map(|_| admit(&mut room).unwrap()).collect();
    for (conn, guest) in (1..).zip(&guests[..3]) {
        attach(&mut room, Ticket::Guest(*guest), conn).unwrap();
    }
    let until = NOW + GRACE;
    room.apply(&Op::Detach { attachment: attachment(2), until }, NOW).unwrap();
    room.apply(&Op::Detach { attachment: attachment(1), until }, NOW + SECOND).unwrap();
    attach(&mut room, Ticket::Guest(guests[3]), 4).unwrap();
    assert_eq!(ids(&room), [guests[0], guests[2], guests[3]]);
}

#[test]
fn a_smaller_capacity_puts_nobody_out() {
    let mut room = room(10);
    for conn in 1..5 {
        seated(&mut room, conn);
    }
    resize(&mut room, 2);
    assert_eq!(room.seats().len(), 4);
    assert_eq!(admit(&mut room), Err(Reject::RoomFull));
}

#[test]
fn a_repeated_attach_gets_the_same_receipt() {
    let mut room = room(10);
    let attach = attach_op(Ticket::Creator, 1);
    assert_eq!(room.apply(&attach, NOW), room.apply(&attach, NOW));
}

#[test]
fn an_attach_that_comes_late_a_second_time_gives_no_seat() {
    let mut room = room(10);
    let (leaver, mover) = (guest(&mut room), guest(&mut room));
    let left = attach(&mut room, leaver, 1).unwrap();
    room.apply(&leave(1), NOW).unwrap();
    let moved = attach(&mut room, mover, 2).unwrap();
    resume(&mut room, 2, 3, None).unwrap();
    let lost = seated(&mut room, 4);
    let ticket = room.seat(lost).unwrap().ticket;
    detach(&mut room, 4);
    unchanged(&mut room, |room| {
        assert_eq!(attach(room, leaver, 1), Ok(left));
        assert_eq!(attach(room, mover, 2), Ok(moved));
        assert_eq!(attach(room, ticket, 4), Ok(lost));
    });
}

#[test]
fn a_guest_that_left_comes_back_with_its_token_as_the_newest() {
    let mut room = room(10);
    let ticket = guest(&mut room);
    let before = attach(&mut room, ticket, 1).unwrap();
    room.apply(&leave(1), NOW).unwrap();
    let after = attach(&mut room, ticket, 2).unwrap();
    assert!(after < before);
    assert_eq!(room.departure(before), Some(LeaveReason::Left));
}

#[test]
fn a_detached_seat_whose_token_is_used_again_is_replaced() {
    let mut room = room(10);
    let ticket = guest(&mut room);
    let before = attach(&mut room, ticket, 1).unwrap();
    detach(&mut room, 1);
    let after = attach(&mut room, ticket, 2).unwrap();
    assert_eq!(ids(&room), [after]);
    assert_eq!(room.departure(before), Some(LeaveReason::Replaced));
}

#[test]
fn an_id_this_record_has_not_issued_is_not_entered_with() {
    let mut room = room(10);
    let mut ahead = room.clone();
    let foreign = guest(&mut ahead);
    let Ticket::Guest(promised) = foreign else { unreachable!() };
    let id = attach(&mut room, foreign, 1).unwrap();
    assert_ne!(id, promised, "its number is still to be issued");
    let arbitrary: ParticipantId = "p_".parse().unwrap();
    attach(&mut room, Ticket::Guest(arbitrary), 2).unwrap();
    seated(&mut room, 3);
    assert!(ids(&room).is_sorted_by(|older, newer| newer < older), "{:?}", ids(&room));
}

#[test]
fn whoever_has_to_go_for_a_newcomer_is_lost() {
    let mut room = room(2);
    let early = guest(&mut room);
    let evicted = seated(&mut room, 1);
    detach(&mut room, 1);
    attach(&mut room, early, 2).unwrap();
    assert_eq!(room.departure(evicted), Some(LeaveReason::Lost));
    assert_eq!(resume(&mut room, 1, 3, None), Err(Reject::ResumeFailed));
}

#[test]
fn the_creators_detached_seat_is_not_taken() {
    let mut room = room(2);
    let early = guest(&mut room);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    detach(&mut room, 1);
    seated(&mut room, 2);
    assert_eq!(attach(&mut room, early, 3), Err(Reject::RoomFull));
}

#[test]
fn the_creator_enters_a_full_room_and_puts_nobody_out() {
    let mut room = room(2);
    seated(&mut room, 1);
    detach(&mut room, 1);
    attach(&mut room, Ticket::Creator, 2).unwrap();
    assert_eq!(room.seats().len(), 2);
}

#[test]
fn a_newcomer_to_a_room_made_smaller_takes_as_many_detached_seats_as_it_takes() {
    let mut room = room(10);
    let early = guest(&mut room);
    let guests: Vec<ParticipantId> = (1..=4).map(|conn| seated(&mut room, conn)).collect();
    resize(&mut room, 3);
    assert_eq!(attach(&mut room, early, 5), Err(Reject::RoomFull));
    for conn in 1..=3 {
        detach(&mut room, conn);
    }
    let newest = attach(&mut room, early, 6).unwrap();
    assert_eq!(ids(&room), [guests[3], newest]);
}

#[test]
fn a_token_used_again_keeps_its_place_in_a_room_made_smaller() {
    let mut room = room(10);
    let ticket = guest(&mut room);
    attach(&mut room, ticket, 1).unwrap();
    let other = seated(&mut room, 2);
    resize(&mut room, 1);
    let id = attach(&mut room, ticket, 3).unwrap();
    assert_eq!(ids(&room), [other, id]);
    resume(&mut room, 3, 4, None).unwrap();
}

#[test]
fn a_new_seat_starts_at_generation_one_without_a_state() {
    let mut room = room(10);
    let op = attach_op(Ticket::Creator, 1);
    let id = entered(room.apply(&op, NOW)).unwrap();
    let seat = room.seat(id).unwrap();
    assert_eq!((seat.generation, &seat.state, seat.protocol), (1, &None, ProtocolVersion::V2));
    assert!(seat.participant().connected && seat.participant().is_creator);
}

#[test]
fn a_room_that_has_issued_all_its_ids_says_so_and_keeps_its_seats() {
    let mut room = room(50);
    let early = guest(&mut room);
    let id = seated(&mut room, 1);
    let mut room = room_with_few_ids(&room);
    while admit(&mut room).is_ok() {}
    unchanged(&mut room, |room| {
        assert_eq!(admit(room), Err(Reject::IdsExhausted));
        assert_eq!(attach(room, early, 2), Err(Reject::IdsExhausted));
    });
    assert_eq!(ids(&room), [id]);
}

/// The same room after almost all of its ids were issued.
fn room_with_few_ids(room: &Room) -> Room {
    let mut record = room.to_record();
    let reserved = (36_u32.pow(5) - 1000).to_le_bytes();
    let at = record.windows(4).position(|bytes| bytes == reserved).unwrap();
    record[at..at + 4].copy_from_slice(&3_u32.to_le_bytes());
    Room::from_record(&record).unwrap()
}

#[test]
fn the_seats_of_an_address_count_by_ticket_with_or_without_a_socket() {
    let mut room = room(10);
    let client =
        |address| Client { address: AddressTag::new(address), network: AddressTag::new(7) };
    let enter = |room: &mut Room, address, ticket, conn| {
        entered(room.apply(&attach_from(client(address), Some(2), ticket, conn), NOW))
    };
    let [a, b, c] = [(); 3].map(|()| guest(&mut room));
    enter(&mut room, 1, Ticket::Creator, 1).unwrap();
    enter(&mut room, 1, a, 2).unwrap();
    enter(&mut room, 1, b, 3).unwrap();
    assert_eq!(enter(&mut room, 1, c, 4), Err(Reject::AddressFull));
    // A replacement takes no further seat, and neither does what was refused.
    enter(&mut room, 1, b, 5).unwrap();
    enter(&mut room, 2, c, 6).unwrap();
    // A seat that waits for its participant counts, also after a restart.
    detach(&mut room, 5);
    let d = guest(&mut room);
    let mut room = Room::from_record(&room.to_record()).unwrap();
    let version = room.version();
    assert_eq!(enter(&mut room, 1, d, 7), Err(Reject::AddressFull));
    assert_eq!(room.version(), version, "a refusal changes nothing");
    // When its participant resumes elsewhere, it still counts at the first address.
    let back = Op::Resume {
        token: token(5),
        next_token: token(8),
        attachment: attachment(8),
        continues: None,
        client: Some(client(3)),
    };
    room.apply(&back, NOW).unwrap();
    assert_eq!(enter(&mut room, 1, d, 9), Err(Reject::AddressFull));
    room.apply(&leave(8), NOW).unwrap();
    enter(&mut room, 1, d, 10).unwrap();
}
