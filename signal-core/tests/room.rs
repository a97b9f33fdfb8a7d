//! The rules of one room, applied to the record directly.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use signal_core::{
    Capacity, CloseReason, ConnId, DisplayName, IdSuffix, Link, NewRoom, NodeId, Op, ParticipantId,
    PasswordTag, Presence, Receipt, Reject, Room, RoomId, Status, Ticket, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);
const HOUR: Duration = Duration::from_secs(3600);
const PASSWORD: [u8; 32] = [7; 32];

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
    // What the replaced socket still does names an old link.
    assert_eq!(change(&mut room, &Op::Leave { link: link(1) }), 0);
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
fn twenty_wrong_passwords_lock_the_room_for_the_right_one_too() {
    let mut room = room(10);
    let wrong = Op::Admit { password: PasswordTag::new([8; 32]), suffix: IdSuffix::new(0) };
    for _ in 0..Room::GUESSES {
        assert_eq!(room.apply(&wrong, NOW), Err(Reject::WrongPassword));
        assert_eq!(room.status(), Status::Open);
    }
    assert_eq!(room.apply(&wrong, NOW), Err(Reject::PasswordLocked));
    assert_eq!(admit(&mut room), Err(Reject::PasswordLocked));
}

#[test]
fn a_right_password_costs_no_guess() {
    let mut room = room(50);
    for _ in 0..2 * Room::GUESSES {
        admit(&mut room).unwrap();
    }
}

#[test]
fn only_those_who_know_the_password_learn_that_a_room_is_full_or_expired() {
    let mut room = room(1);
    let wrong = Op::Admit { password: PasswordTag::new([8; 32]), suffix: IdSuffix::new(0) };
    assert_eq!(room.apply(&wrong, NOW), Err(Reject::WrongPassword));
    assert_eq!(room.apply(&wrong, NOW + HOUR), Err(Reject::WrongPassword));
    let right = Op::Admit { password: PasswordTag::new(PASSWORD), suffix: IdSuffix::new(0) };
    assert_eq!(room.apply(&right, NOW), Err(Reject::RoomExpired), "time does not bring a room back");
}

#[test]
fn a_room_expires_at_its_time_and_not_before() {
    let mut room = room(10);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    let almost = Timestamp::from_millis((NOW + HOUR).as_millis() - 1);
    room.apply(&Op::Prune, almost).unwrap();
    assert_eq!(room.status(), Status::Open);
    assert_eq!(room.deadline(), Some(NOW + HOUR));
    room.apply(&Op::Prune, NOW + HOUR).unwrap();
    assert_eq!(room.status(), Status::Closed(CloseReason::Expired));
    assert!(room.seats().is_empty());
    assert_eq!(room.deadline(), None);
    assert_eq!(room.forgotten_at(), Some(NOW + HOUR + Room::REMEMBERED));
}

#[test]
fn the_creators_leaving_closes_the_room_and_the_loss_of_its_socket_does_not() {
    let mut room = room(10);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    room.apply(&Op::Detach { link: link(1), until: NOW }, NOW).unwrap();
    assert_eq!((room.status(), room.seats().len()), (Status::Open, 0));
    attach(&mut room, Ticket::Creator, 2).unwrap();
    room.apply(&Op::Leave { link: link(2) }, NOW).unwrap();
    assert_eq!(room.status(), Status::Closed(CloseReason::ByCreator));
    assert_eq!(admit(&mut room), Err(Reject::RoomClosed));
    assert_eq!(attach(&mut room, Ticket::Creator, 3), Err(Reject::RoomClosed));
}

#[test]
fn a_detached_seat_is_kept_until_its_time_and_not_counted_by_join() {
    let mut room = room(2);
    let promised = admit(&mut room).unwrap();
    let id = attach(&mut room, Ticket::Guest(promised), 1).unwrap();
    let until = NOW + Duration::from_secs(30);
    room.apply(&Op::Detach { link: link(1), until }, NOW).unwrap();
    assert_eq!(room.seat(id).unwrap().presence, Presence::Detached { since: NOW, until });
    assert_eq!(room.deadline(), Some(until));
    admit(&mut room).unwrap();
    room.apply(&Op::Prune, until).unwrap();
    assert!(room.seats().is_empty());
}

#[test]
fn a_newcomer_to_a_full_room_takes_the_seat_of_the_guest_that_was_lost_longest_ago() {
    let mut room = room(4);
    let guests: Vec<ParticipantId> = (0..4).map(|_| admit(&mut room).unwrap()).collect();
    for (conn, guest) in (1..).zip(&guests[..3]) {
        attach(&mut room, Ticket::Guest(*guest), conn).unwrap();
    }
    let until = NOW + Duration::from_secs(30);
    room.apply(&Op::Detach { link: link(2), until }, NOW).unwrap();
    room.apply(&Op::Detach { link: link(1), until }, NOW + Duration::from_secs(1)).unwrap();
    attach(&mut room, Ticket::Guest(guests[3]), 4).unwrap();
    assert_eq!(ids(&room), [guests[0], guests[2], guests[3]]);
}

#[test]
fn a_repeated_operation_changes_nothing_and_a_change_raises_the_version_by_one() {
    let mut room = room(10);
    let guest = admit(&mut room).unwrap();
    let until = NOW + Duration::from_secs(30);
    let operations = [
        attach_op(Ticket::Creator, 1),
        attach_op(Ticket::Guest(guest), 2),
        Op::Detach { link: link(2), until },
        Op::Leave { link: link(1) },
        Op::Close,
        Op::Prune,
    ];
    let changes = operations.map(|op| (change(&mut room, &op), change(&mut room, &op)));
    assert_eq!(changes, [(1, 0), (1, 0), (1, 0), (1, 0), (0, 0), (0, 0)]);
}

#[test]
fn a_repeated_attach_gets_the_same_receipt() {
    let mut room = room(10);
    let attach = attach_op(Ticket::Creator, 1);
    assert_eq!(room.apply(&attach, NOW), room.apply(&attach, NOW));
}

fn room(capacity: u8) -> Room {
    Room::create(NewRoom {
        id: RoomId::from_indices([0; 6]),
        epoch: 1,
        name: "room".into(),
        creator: "alice".into(),
        password: PasswordTag::new(PASSWORD),
        capacity: Capacity::new(capacity).unwrap(),
        expires_at: NOW + HOUR,
        suffix: IdSuffix::new(1),
    })
}

fn admit(room: &mut Room) -> Result<ParticipantId, Reject> {
    entered(room.apply(&Op::Admit { password: PasswordTag::new(PASSWORD), suffix: IdSuffix::new(2) }, NOW))
}

fn attach(room: &mut Room, ticket: Ticket, conn: u64) -> Result<ParticipantId, Reject> {
    entered(room.apply(&attach_op(ticket, conn), NOW))
}

fn attach_op(ticket: Ticket, conn: u64) -> Op {
    let name = DisplayName::parse("name").unwrap().unwrap();
    Op::Attach { ticket, name, link: link(conn), suffix: IdSuffix::new(3) }
}

/// Applies an operation and tells by how much the version rose.
fn change(room: &mut Room, op: &Op) -> u64 {
    let before = room.version();
    let _ = room.apply(op, NOW);
    room.version() - before
}

fn entered(reply: Result<Receipt, Reject>) -> Result<ParticipantId, Reject> {
    match reply? {
        Receipt::Entered { id } => Ok(id),
        Receipt::Done => panic!("no id in the receipt"),
    }
}

fn link(conn: u64) -> Link {
    Link { node: NodeId(1), conn: ConnId(conn) }
}

fn ids(room: &Room) -> Vec<ParticipantId> {
    room.seats().iter().map(|seat| seat.id).collect()
}
