//! Admission: password, wrong passwords, invite, rotation, lock.

use signal_core::identity::Identity;
use signal_core::room::{
    Admission, Change, CloseReason, Grant, IdSuffix, Op, Receipt, Reject, Room, RoomSpec, Rotation,
    Status, Ticket, TicketTag, TokenHash,
};

use super::support::*;

#[test]
fn only_those_who_know_the_password_learn_that_a_room_is_full_or_expired() {
    let mut room = room(1);
    let wrong = admit_op([8; 32]);
    assert_eq!(room.apply(&wrong, NOW), Err(Reject::WrongPassword));
    assert_eq!(room.apply(&wrong, NOW + HOUR), Err(Reject::WrongPassword));
    let right = admit_op(PASSWORD);
    assert_eq!(
        room.apply(&right, NOW),
        Err(Reject::RoomExpired),
        "time does not bring a room back"
    );
}

#[test]
fn twenty_wrong_passwords_lock_the_room_for_the_right_one_too() {
    let mut room = room(10);
    let wrong = admit_op([8; 32]);
    for _ in 0..Room::PASSWORD_ATTEMPTS {
        assert_eq!(room.apply(&wrong, NOW), Err(Reject::WrongPassword));
        assert_eq!(room.status(), Status::Open);
    }
    assert_eq!(room.apply(&wrong, NOW), Err(Reject::PasswordLocked));
    assert_eq!(admit(&mut room), Err(Reject::PasswordLocked));
}

#[test]
fn a_right_password_costs_no_guess() {
    let mut room = room(50);
    for _ in 0..2 * Room::PASSWORD_ATTEMPTS {
        admit(&mut room).unwrap();
    }
}

#[test]
fn an_invite_costs_no_guess_and_passes_no_lock() {
    let mut room = room(10);
    for _ in 0..Room::PASSWORD_ATTEMPTS {
        let _ = room.apply(&admit_op([8; 32]), NOW);
    }
    assert_eq!(admit_by_invite(&mut room, [1; 32]), Err(Reject::InviteVoid));
    admit_by_invite(&mut room, INVITE).unwrap();
    lock(&mut room);
    assert_eq!(admit_by_invite(&mut room, INVITE), Err(Reject::RoomLocked));
}

#[test]
fn the_host_admits_without_a_password_past_a_lock_if_it_says_so_and_never_past_the_capacity() {
    let mut room = room(2);
    let op = |passes_lock| Op::Admit {
        by: Admission::Host { passes_lock },
        client: None,
        suffix: IdSuffix::new(1),
    };
    for _ in 0..Room::PASSWORD_ATTEMPTS {
        let _ = room.apply(&admit_op([8; 32]), NOW);
    }
    assert!(matches!(room.apply(&op(false), NOW), Ok(Receipt::Entered { .. })));
    lock(&mut room);
    assert_eq!(room.apply(&op(false), NOW), Err(Reject::RoomLocked));
    let Ok(Receipt::Entered { id }) = room.apply(&op(true), NOW) else { panic!("it is let in") };
    room.apply(&Op::Change(Change { locked: Some(false), ..Change::default() }), NOW).unwrap();
    attach(&mut room, Ticket::Guest(id), 1).unwrap();
    assert_eq!(room.apply(&op(true), NOW), Err(Reject::RoomFull));
    room.apply(&Op::Close(CloseReason::ByCreator), NOW).unwrap();
    assert_eq!(room.apply(&op(true), NOW), Err(Reject::RoomClosed));
}

#[test]
fn a_room_without_a_password_is_entered_by_invite_or_grant_and_guesses_cost_it_nothing() {
    let mut room = Room::create(RoomSpec { password: None, ..new_room(10) });
    let before = room.to_record();
    for _ in 0..2 * Room::PASSWORD_ATTEMPTS {
        assert_eq!(room.apply(&admit_op(PASSWORD), NOW), Err(Reject::WrongPassword));
    }
    assert_eq!(room.password_attempts_left(NOW), Room::PASSWORD_ATTEMPTS);
    assert_eq!(room.to_record(), before);
    let mut room = Room::from_record(&before).unwrap();
    assert!(!room.has_password());
    admit_by_invite(&mut room, INVITE).unwrap();
    room.mint(TicketTag::new([1; 16]), Identity::default()).unwrap();
    rotate(&mut room, 8, 0).unwrap();
    room.apply(&admit_op([8; 32]), NOW).unwrap();
    assert!(room.has_password());
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
    assert_eq!(admit_by_invite(&mut room, INVITE), Err(Reject::InviteVoid));
    assert_eq!(attach(&mut room, Ticket::Guest(waiting), 2), Err(Reject::GrantVoid));
    attach(&mut room, Ticket::Guest(there), 3).unwrap();
    attach(&mut room, Ticket::Creator, 4).unwrap();
}

#[test]
fn a_new_password_has_to_be_new_brings_no_new_guesses_and_is_not_limited() {
    let mut room = room(10);
    for _ in 0..Room::PASSWORD_ATTEMPTS {
        assert_eq!(room.apply(&admit_op([8; 32]), NOW), Err(Reject::WrongPassword));
    }
    assert_eq!(rotate(&mut room, PASSWORD[0], 0), Err(Reject::PasswordUnchanged));
    let op = Op::Change(Change { rotate: Some(rotation(20, 0)), ..Change::default() });
    assert_eq!((change(&mut room, &op), change(&mut room, &op)), (1, 0));
    assert_eq!(room.apply(&admit_op([20; 32]), NOW), Err(Reject::PasswordLocked));
    assert_eq!(rotate(&mut room, 99, 0), Err(Reject::RotationStale));
    for epoch in 1..100 {
        rotate(&mut room, 20 + epoch as u8, epoch).unwrap();
    }
}

#[test]
fn a_lock_stops_new_seats_but_not_replacement_or_the_creator() {
    let mut room = room(10);
    let (there, waiting) = (admit(&mut room).unwrap(), admit(&mut room).unwrap());
    attach(&mut room, Ticket::Guest(there), 1).unwrap();
    lock(&mut room);
    assert_eq!(admit(&mut room), Err(Reject::RoomLocked));
    assert_eq!(attach(&mut room, Ticket::Guest(waiting), 2), Err(Reject::RoomLocked));
    attach(&mut room, Ticket::Guest(there), 3).unwrap();
    attach(&mut room, Ticket::Creator, 4).unwrap();
}

#[test]
fn a_wrong_password_of_an_expired_room_costs_a_guess_and_of_a_closed_one_none() {
    let mut expired = room(10);
    for _ in 0..Room::PASSWORD_ATTEMPTS {
        assert_eq!(expired.apply(&admit_op([8; 32]), NOW + HOUR), Err(Reject::WrongPassword));
    }
    assert_eq!(expired.apply(&admit_op(PASSWORD), NOW + HOUR), Err(Reject::PasswordLocked));
    let mut closed = room(10);
    closed.apply(&Op::Close(CloseReason::ByCreator), NOW).unwrap();
    unchanged(&mut closed, |room| {
        assert_eq!(room.apply(&admit_op([8; 32]), NOW), Err(Reject::RoomClosed));
    });
}

#[test]
fn only_those_who_know_the_password_learn_that_a_room_is_locked() {
    let mut room = room(10);
    lock(&mut room);
    assert_eq!(room.apply(&admit_op([8; 32]), NOW), Err(Reject::WrongPassword));
    assert_eq!(admit(&mut room), Err(Reject::RoomLocked));
}

#[test]
fn only_those_who_hold_the_invite_learn_that_a_room_is_full_or_expired() {
    let mut room = room(1);
    assert_eq!(admit_by_invite(&mut room, [1; 32]), Err(Reject::InviteVoid));
    assert_eq!(admit_by_invite(&mut room, INVITE), Err(Reject::RoomFull));
    prune(&mut room, NOW + HOUR);
    assert_eq!(admit_by_invite(&mut room, [1; 32]), Err(Reject::InviteVoid));
    assert_eq!(admit_by_invite(&mut room, INVITE), Err(Reject::RoomExpired));
}

#[test]
fn a_lock_can_be_taken_off() {
    let mut room = room(10);
    lock(&mut room);
    assert!(room.locked());
    set(&mut room, Change { locked: Some(false), ..Change::default() }).unwrap();
    admit(&mut room).unwrap();
}

#[test]
fn a_lock_and_a_void_token_are_told_before_a_full_room_and_the_void_token_first() {
    let mut room = room(2);
    let (kicked, early) = (guest(&mut room), guest(&mut room));
    let id = attach(&mut room, kicked, 1).unwrap();
    kick(&mut room, id).unwrap();
    seated(&mut room, 2);
    assert_eq!(attach(&mut room, early, 3), Err(Reject::RoomFull));
    lock(&mut room);
    assert_eq!(attach(&mut room, early, 4), Err(Reject::RoomLocked));
    assert_eq!(attach(&mut room, kicked, 5), Err(Reject::GrantVoid));
    rotate(&mut room, 20, 0).unwrap();
    assert_eq!(attach(&mut room, early, 6), Err(Reject::GrantVoid));
}

#[test]
fn an_admission_under_the_new_password_is_good() {
    let mut room = room(10);
    rotate(&mut room, 20, 0).unwrap();
    let id = entered(room.apply(&admit_op([20; 32]), NOW)).unwrap();
    let mut op = attach_op(Ticket::Guest(id), 1);
    let Op::Attach { grant, .. } = &mut op else { unreachable!() };
    grant.password_epoch = room.password_epoch();
    assert_eq!(entered(room.apply(&op, NOW)), Ok(id));
}

#[test]
fn a_new_password_leaves_those_who_sit_there_alone() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    rotate(&mut room, 20, 0).unwrap();
    detach(&mut room, 1);
    resume(&mut room, 1, 2, None).unwrap();
    assert_eq!(ids(&room), [id]);
}

#[test]
fn a_rotation_that_is_repeated_is_answered_as_before() {
    let mut room = room(10);
    rotate(&mut room, 20, 0).unwrap();
    unchanged(&mut room, |room| assert_eq!(rotate(room, 20, 0), Ok(Receipt::Done)));
    // A request that knows of the rotation and repeats it wants another one.
    unchanged(&mut room, |room| assert_eq!(rotate(room, 20, 1), Err(Reject::PasswordUnchanged)));
}

#[test]
fn a_kick_can_be_made_a_ban_afterwards() {
    let mut room = room(10);
    let participant = seated(&mut room, 1);
    kick(&mut room, participant).unwrap();
    let ban = Op::Kick { participant, rotate: Some(rotation(20, 0)) };
    assert_eq!((change(&mut room, &ban), change(&mut room, &ban)), (1, 0));
    assert_eq!(admit(&mut room), Err(Reject::WrongPassword));
}

#[test]
fn a_guess_is_a_change_if_it_is_wrong() {
    let mut room = room(10);
    assert_eq!(change(&mut room, &admit_op([8; 32])), 1);
    let version = room.version();
    admit(&mut room).unwrap();
    assert_eq!(room.version(), version + 1, "an id was promised");
}

#[test]
fn a_room_tells_what_it_was_made_with() {
    let mut room = room(10);
    assert_eq!((room.epoch(), room.name(), room.creator()), (3, "room", Some("alice")));
    assert_eq!((room.locked(), room.password_epoch()), (false, 0));
    let locked = Some(true);
    room.apply(
        &Op::Change(Change { locked, rotate: Some(rotation(20, 0)), ..Change::default() }),
        NOW,
    )
    .unwrap();
    room.apply(&Op::Change(Change { rotate: Some(rotation(21, 1)), ..Change::default() }), NOW)
        .unwrap();
    assert_eq!((room.locked(), room.password_epoch()), (true, 2));
}

#[test]
fn the_same_new_password_with_another_invite_is_not_a_repetition() {
    let mut room = room(10);
    rotate(&mut room, 20, 0).unwrap();
    let other = Rotation { invite: TokenHash::new([1; 32]), ..rotation(20, 0) };
    unchanged(&mut room, |room| {
        let reply = set(room, Change { rotate: Some(other), ..Change::default() });
        assert_eq!(reply, Err(Reject::RotationStale), "its invite would not open the room");
    });
}

#[test]
fn a_refused_rotation_leaves_the_rest_of_the_change_undone() {
    let mut room = room(10);
    unchanged(&mut room, |room| {
        let rotate = Some(rotation(PASSWORD[0], 0));
        let reply = set(room, Change { locked: Some(true), rotate, ..Change::default() });
        assert_eq!(reply, Err(Reject::PasswordUnchanged));
    });
}

#[test]
fn a_token_stands_for_its_seat_and_before_that_for_the_id_it_promises() {
    let mut room = room(10);
    let granted = |room: &Room, ticket| room.granted(&Grant::new(ticket, 0));
    let (first, second) = (guest(&mut room), guest(&mut room));
    let Ticket::Guest(promised) = first else { panic!("a guest's") };
    assert_eq!(granted(&room, first), Ok(Some(promised)));
    assert_eq!(granted(&room, Ticket::Creator), Ok(Some(room.creator_id())));
    // Somebody with a smaller id enters before, so that another one holds.
    attach(&mut room, second, 2).unwrap();
    let held = attach(&mut room, first, 1).unwrap();
    assert_ne!(held, promised);
    assert_eq!(granted(&room, first), Ok(Some(held)));
}

#[test]
fn a_token_that_opens_nothing_stands_for_nobody() {
    let mut room = room(10);
    let granted = |room: &Room, ticket| room.granted(&Grant::new(ticket, 0));
    let (seated_guest, kicked, late) = (guest(&mut room), guest(&mut room), guest(&mut room));
    attach(&mut room, seated_guest, 1).unwrap();
    let id = attach(&mut room, kicked, 2).unwrap();
    kick(&mut room, id).unwrap();
    assert_eq!(granted(&room, kicked), Err(Reject::GrantVoid));
    lock(&mut room);
    assert_eq!(granted(&room, late), Err(Reject::RoomLocked));
    rotate(&mut room, 20, 0).unwrap();
    assert_eq!(granted(&room, late), Err(Reject::GrantVoid));
    assert!(granted(&room, seated_guest).is_ok() && granted(&room, Ticket::Creator).is_ok());
    room.apply(&Op::Close(CloseReason::ByCreator), NOW).unwrap();
    assert_eq!(granted(&room, Ticket::Creator), Err(Reject::RoomClosed));
}
