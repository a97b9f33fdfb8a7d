//! The rules of one room, applied to the record directly.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use signal_core::{
    Admission, Capacity, Change, CloseReason, ConnId, Dialect, DisplayName, Farewell, Grant, IdSuffix,
    LeaveReason, Link, NewRoom, NodeId, OnCreatorLeave, Op, ParticipantId, PasswordTag, Presence, Receipt,
    Reject, Room, RoomId, Rotation, Status, Ticket, Timestamp, TokenHash, wire,
};

const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);
const HOUR: Duration = Duration::from_secs(3600);
const PASSWORD: [u8; 32] = [7; 32];
const INVITE: [u8; 32] = [9; 32];
const GRACE: Duration = Duration::from_secs(30);

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
fn twenty_wrong_passwords_lock_the_room_for_the_right_one_too() {
    let mut room = room(10);
    let wrong = admit_op([8; 32]);
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
    let wrong = admit_op([8; 32]);
    assert_eq!(room.apply(&wrong, NOW), Err(Reject::WrongPassword));
    assert_eq!(room.apply(&wrong, NOW + HOUR), Err(Reject::WrongPassword));
    let right = admit_op(PASSWORD);
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
    room.apply(&leave(2), NOW).unwrap();
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
        leave(1),
        Op::Close(CloseReason::ByCreator),
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

#[test]
fn a_resume_keeps_the_seat_and_rotates_its_token() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    detach(&mut room, 1);
    assert_eq!(resume(&mut room, 1, 2, Some(1)), Ok(Receipt::Resumed { id, continued: true }));
    let seat = room.seat(id).unwrap();
    assert_eq!((seat.link, seat.presence, seat.generation), (link(2), Presence::Attached, 1));
    // Nothing that names the old socket means anything any more.
    assert_eq!(change(&mut room, &Op::Detach { link: link(1), until: NOW }), 0);
    assert_eq!(change(&mut room, &leave(1)), 0);
}

#[test]
fn the_token_before_works_until_the_newer_one_is_used_and_voids_what_was_negotiated() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    resume(&mut room, 1, 2, Some(1)).unwrap();
    assert_eq!(resume(&mut room, 1, 3, Some(2)), Ok(Receipt::Resumed { id, continued: false }));
    assert_eq!(room.seat(id).unwrap().generation, 2);
    assert_eq!(resume(&mut room, 2, 4, Some(3)), Err(Reject::ResumeFailed));
    resume(&mut room, 3, 5, Some(3)).unwrap();
    assert_eq!(resume(&mut room, 1, 6, Some(5)), Err(Reject::ResumeFailed));
}

#[test]
fn a_resume_that_cannot_go_on_where_the_last_socket_stopped_loses_messages() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    assert_eq!(resume(&mut room, 1, 2, None), Ok(Receipt::Resumed { id, continued: false }));
    assert_eq!(resume(&mut room, 2, 3, Some(1)), Ok(Receipt::Resumed { id, continued: false }));
    assert_eq!(room.seat(id).unwrap().generation, 3);
}

#[test]
fn a_repeated_resume_gets_the_same_receipt_and_changes_nothing() {
    let mut room = room(10);
    seated(&mut room, 1);
    let op = Op::Resume { token: token(1), fresh: token(2), link: link(2), continues: Some(link(1)) };
    let first = room.apply(&op, NOW);
    let version = room.version();
    assert_eq!((room.apply(&op, NOW), room.version()), (first, version));
}

#[test]
fn leaving_replacement_and_lapse_void_resume_tokens_and_a_lock_does_not() {
    let mut room = room(10);
    seated(&mut room, 1);
    room.apply(&leave(1), NOW).unwrap();
    assert_eq!(resume(&mut room, 1, 11, None), Err(Reject::ResumeFailed));
    let guest = admit(&mut room).unwrap();
    attach(&mut room, Ticket::Guest(guest), 2).unwrap();
    attach(&mut room, Ticket::Guest(guest), 3).unwrap();
    assert_eq!(resume(&mut room, 2, 12, None), Err(Reject::ResumeFailed));
    detach(&mut room, 3);
    room.apply(&Op::Change(Change { locked: Some(true), ..Change::default() }), NOW).unwrap();
    resume(&mut room, 3, 13, None).unwrap();
    detach(&mut room, 13);
    room.apply(&Op::Prune, NOW + GRACE).unwrap();
    assert_eq!(resume(&mut room, 13, 14, None), Err(Reject::ResumeFailed));
}

#[test]
fn every_departure_is_remembered_with_its_reason() {
    let mut room = room(10);
    let ids: Vec<ParticipantId> = (1..=4).map(|conn| seated(&mut room, conn)).collect();
    room.apply(&leave(1), NOW).unwrap();
    room.apply(&Op::Kick { participant: ids[1], rotate: None }, NOW).unwrap();
    detach(&mut room, 3);
    room.apply(&Op::Prune, NOW + GRACE).unwrap();
    let Ticket::Guest(guest) = room.seat(ids[3]).unwrap().ticket else { unreachable!() };
    attach(&mut room, Ticket::Guest(guest), 5).unwrap();
    let reasons: Vec<_> = ids.iter().map(|id| room.departure(*id).unwrap()).collect();
    assert_eq!(reasons, [LeaveReason::Left, LeaveReason::Kicked, LeaveReason::Lost, LeaveReason::Replaced]);
}

#[test]
fn a_kick_voids_the_token_and_may_be_repeated_but_not_of_the_creator() {
    let mut room = room(10);
    let creator = attach(&mut room, Ticket::Creator, 1).unwrap();
    let guest = admit(&mut room).unwrap();
    let id = attach(&mut room, Ticket::Guest(guest), 2).unwrap();
    let kick = Op::Kick { participant: id, rotate: None };
    assert_eq!((change(&mut room, &kick), change(&mut room, &kick)), (1, 0));
    assert_eq!(attach(&mut room, Ticket::Guest(guest), 3), Err(Reject::GrantVoid));
    let kick = |participant| Op::Kick { participant, rotate: None };
    assert_eq!(room.apply(&kick(creator), NOW), Err(Reject::CreatorStays));
    assert_eq!(room.apply(&kick("p_nobody".parse().unwrap()), NOW), Err(Reject::ParticipantNotFound));
}

#[test]
fn a_new_password_voids_the_old_one_the_invite_and_tokens_that_have_no_seat() {
    let mut room = room(10);
    let waiting = admit(&mut room).unwrap();
    let there = admit(&mut room).unwrap();
    attach(&mut room, Ticket::Guest(there), 1).unwrap();
    rotate(&mut room, 1, 0).unwrap();
    assert_eq!(room.password_epoch(), 1);
    assert_eq!(admit(&mut room), Err(Reject::WrongPassword));
    let invite = Op::Admit { by: Admission::Invite(TokenHash::new(INVITE)), suffix: IdSuffix::new(0) };
    assert_eq!(room.apply(&invite, NOW), Err(Reject::InviteVoid));
    assert_eq!(attach(&mut room, Ticket::Guest(waiting), 2), Err(Reject::GrantVoid));
    attach(&mut room, Ticket::Guest(there), 3).unwrap();
    attach(&mut room, Ticket::Creator, 4).unwrap();
}

#[test]
fn a_new_password_has_to_be_new_brings_new_guesses_and_is_limited() {
    let mut room = room(10);
    for _ in 0..Room::GUESSES {
        assert_eq!(room.apply(&admit_op([8; 32]), NOW), Err(Reject::WrongPassword));
    }
    assert_eq!(admit(&mut room), Err(Reject::PasswordLocked));
    assert_eq!(rotate(&mut room, PASSWORD[0], 0), Err(Reject::PasswordUnchanged));
    rotate(&mut room, 20, 0).unwrap();
    room.apply(&admit_op([20; 32]), NOW).unwrap();
    let change_again = Op::Change(Change { rotate: Some(rotation(20, 0)), ..Change::default() });
    assert_eq!(change(&mut room, &change_again), 0);
    assert_eq!(rotate(&mut room, 99, 0), Err(Reject::RotationStale));
    for epoch in 1..u32::from(Room::ROTATIONS) {
        rotate(&mut room, 20 + epoch as u8, epoch).unwrap();
    }
    assert_eq!(rotate(&mut room, 99, u32::from(Room::ROTATIONS)), Err(Reject::RotationsExhausted));
}

#[test]
fn an_invite_costs_no_guess_and_passes_no_lock() {
    let mut room = room(10);
    for _ in 0..Room::GUESSES {
        let _ = room.apply(&admit_op([8; 32]), NOW);
    }
    let invite = |token| Op::Admit { by: Admission::Invite(TokenHash::new(token)), suffix: IdSuffix::new(0) };
    assert_eq!(room.apply(&invite([1; 32]), NOW), Err(Reject::InviteVoid));
    room.apply(&invite(INVITE), NOW).unwrap();
    room.apply(&Op::Change(Change { locked: Some(true), ..Change::default() }), NOW).unwrap();
    assert_eq!(room.apply(&invite(INVITE), NOW), Err(Reject::RoomLocked));
}

#[test]
fn a_lock_stops_new_seats_but_not_replacement_or_the_creator() {
    let mut room = room(10);
    let (there, waiting) = (admit(&mut room).unwrap(), admit(&mut room).unwrap());
    attach(&mut room, Ticket::Guest(there), 1).unwrap();
    room.apply(&Op::Change(Change { locked: Some(true), ..Change::default() }), NOW).unwrap();
    assert_eq!(admit(&mut room), Err(Reject::RoomLocked));
    assert_eq!(attach(&mut room, Ticket::Guest(waiting), 2), Err(Reject::RoomLocked));
    attach(&mut room, Ticket::Guest(there), 3).unwrap();
    attach(&mut room, Ticket::Creator, 4).unwrap();
}

#[test]
fn a_change_that_changes_nothing_raises_no_version() {
    let mut room = room(10);
    let same = Change {
        name: Some("room".into()),
        locked: Some(false),
        capacity: Some(Capacity::new(10).unwrap()),
        expires_at: Some(NOW + HOUR),
        rotate: None,
    };
    assert_eq!(change(&mut room, &Op::Change(same)), 0);
    let other = Change {
        name: Some("other".into()),
        locked: Some(true),
        capacity: Some(Capacity::new(2).unwrap()),
        expires_at: Some(NOW + 2 * HOUR),
        rotate: None,
    };
    assert_eq!(change(&mut room, &Op::Change(other)), 1);
    let info = room.info();
    assert_eq!((&*info.name, info.locked, info.max_participants), ("other", true, 2));
}

#[test]
fn a_smaller_capacity_puts_nobody_out() {
    let mut room = room(10);
    for conn in 1..5 {
        seated(&mut room, conn);
    }
    let capacity = Some(Capacity::new(2).unwrap());
    room.apply(&Op::Change(Change { capacity, ..Change::default() }), NOW).unwrap();
    assert_eq!(room.seats().len(), 4);
    assert_eq!(admit(&mut room), Err(Reject::RoomFull));
}

#[test]
fn a_participant_changes_what_it_shows() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    let state = wire::payload(&true).unwrap();
    let update = Op::Update { link: link(1), name: Some(name("new")), state: Some(state.clone()) };
    assert_eq!((change(&mut room, &update), change(&mut room, &update)), (1, 0));
    let seat = room.seat(id).unwrap();
    assert_eq!((seat.name.as_str(), &seat.state), ("new", &Some(state)));
    assert_eq!(change(&mut room, &Op::Update { link: link(9), name: Some(name("x")), state: None }), 0);
}

#[test]
fn a_room_that_is_to_be_kept_outlives_its_creators_leave_and_a_close_frame_closes_none() {
    let mut kept = room(10);
    attach(&mut kept, Ticket::Creator, 1).unwrap();
    kept.apply(&Op::Leave { link: link(1), how: Farewell::Close }, NOW).unwrap();
    assert_eq!((kept.status(), kept.seats().len()), (Status::Open, 0));
    let new = NewRoom { on_creator_leave: OnCreatorLeave::Keep, ..new_room(10) };
    let mut kept = Room::create(new);
    attach(&mut kept, Ticket::Creator, 1).unwrap();
    kept.apply(&leave(1), NOW).unwrap();
    assert_eq!((kept.status(), kept.seats().len()), (Status::Open, 0));
}

fn room(capacity: u8) -> Room {
    Room::create(new_room(capacity))
}

fn new_room(capacity: u8) -> NewRoom {
    NewRoom {
        id: RoomId::from_indices([0; 6]),
        epoch: 1,
        name: "room".into(),
        creator: "alice".into(),
        password: PasswordTag::new(PASSWORD),
        invite: TokenHash::new(INVITE),
        capacity: Capacity::new(capacity).unwrap(),
        expires_at: NOW + HOUR,
        on_creator_leave: OnCreatorLeave::Close,
        suffix: IdSuffix::new(1),
    }
}

fn admit(room: &mut Room) -> Result<ParticipantId, Reject> {
    entered(room.apply(&admit_op(PASSWORD), NOW))
}

fn attach(room: &mut Room, ticket: Ticket, conn: u64) -> Result<ParticipantId, Reject> {
    entered(room.apply(&attach_op(ticket, conn), NOW))
}

fn attach_op(ticket: Ticket, conn: u64) -> Op {
    Op::Attach {
        grant: Grant { ticket, password_epoch: 0 },
        name: name("name"),
        dialect: Dialect::V2,
        link: link(conn),
        resume: token(conn),
        suffix: IdSuffix::new(3),
    }
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
        other => panic!("no id in {other:?}"),
    }
}

fn link(conn: u64) -> Link {
    Link { node: NodeId(1), conn: ConnId(conn) }
}

fn ids(room: &Room) -> Vec<ParticipantId> {
    room.seats().iter().map(|seat| seat.id).collect()
}

fn admit_op(password: [u8; 32]) -> Op {
    Op::Admit { by: Admission::Password(PasswordTag::new(password)), suffix: IdSuffix::new(2) }
}

fn leave(conn: u64) -> Op {
    Op::Leave { link: link(conn), how: Farewell::Leave }
}

fn name(text: &str) -> DisplayName {
    DisplayName::parse(text).unwrap().unwrap()
}

/// The token that the attach or resume of that connection gives out.
fn token(conn: u64) -> TokenHash {
    TokenHash::new([conn as u8; 32])
}

fn detach(room: &mut Room, conn: u64) {
    room.apply(&Op::Detach { link: link(conn), until: NOW + GRACE }, NOW).unwrap();
}

fn resume(room: &mut Room, with: u64, conn: u64, continues: Option<u64>) -> Result<Receipt, Reject> {
    let continues = continues.map(link);
    room.apply(&Op::Resume { token: token(with), fresh: token(conn), link: link(conn), continues }, NOW)
}

fn rotation(password: u8, follows: u32) -> Rotation {
    let (password, invite) = (PasswordTag::new([password; 32]), TokenHash::new([password + 100; 32]));
    Rotation { password, invite, follows }
}

fn rotate(room: &mut Room, password: u8, follows: u32) -> Result<Receipt, Reject> {
    let rotate = Some(rotation(password, follows));
    room.apply(&Op::Change(Change { rotate, ..Change::default() }), NOW)
}

fn seated(room: &mut Room, conn: u64) -> ParticipantId {
    let guest = admit(room).unwrap();
    attach(room, Ticket::Guest(guest), conn).unwrap()
}
