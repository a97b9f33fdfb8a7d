//! How seats and rooms end.

use signal_core::room::{
    CloseReason, LeaveKind, LeaveReason, OnCreatorLeave, Op, Reject, Room, RoomSpec, Status, Ticket,
};
use signal_core::{ParticipantId, Timestamp};

use super::support::*;

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
    room.apply(&Op::Detach { attachment: attachment(1), until: NOW }, NOW).unwrap();
    assert_eq!((room.status(), room.seats().len()), (Status::Open, 0));
    attach(&mut room, Ticket::Creator, 2).unwrap();
    room.apply(&leave(2), NOW).unwrap();
    assert_eq!(room.status(), Status::Closed(CloseReason::ByCreator));
    assert_eq!(admit(&mut room), Err(Reject::RoomClosed));
    assert_eq!(attach(&mut room, Ticket::Creator, 3), Err(Reject::RoomClosed));
}

#[test]
fn every_departure_is_remembered_with_its_reason() {
    let mut room = room(10);
    let ids: Vec<ParticipantId> = (1..=4).map(|conn| seated(&mut room, conn)).collect();
    room.apply(&leave(1), NOW).unwrap();
    kick(&mut room, ids[1]).unwrap();
    detach(&mut room, 3);
    room.apply(&Op::Prune, NOW + GRACE).unwrap();
    let Ticket::Guest(guest) = room.seat(ids[3]).unwrap().ticket else { unreachable!() };
    attach(&mut room, Ticket::Guest(guest), 5).unwrap();
    let reasons: Vec<_> = ids.iter().map(|id| room.departure(*id).unwrap()).collect();
    assert_eq!(
        reasons,
        [LeaveReason::Left, LeaveReason::Kicked, LeaveReason::Lost, LeaveReason::Replaced]
    );
}

#[test]
fn a_kick_voids_the_token_and_may_be_repeated_but_not_of_the_creator() {
    let mut room = room(10);
    let creator = attach(&mut room, Ticket::Creator, 1).unwrap();
    let guest = admit(&mut room).unwrap();
    let id = attach(&mut room, Ticket::Guest(guest), 2).unwrap();
    let op = Op::Kick { participant: id, rotate: None };
    assert_eq!((change(&mut room, &op), change(&mut room, &op)), (1, 0));
    assert_eq!(attach(&mut room, Ticket::Guest(guest), 3), Err(Reject::GrantVoid));
    assert_eq!(kick(&mut room, creator), Err(Reject::CreatorStays));
    assert_eq!(kick(&mut room, "p_nobody".parse().unwrap()), Err(Reject::ParticipantNotFound));
}

#[test]
fn a_room_that_is_to_be_kept_outlives_its_creators_leave_and_a_close_frame_closes_none() {
    let mut closing = room(10);
    attach(&mut closing, Ticket::Creator, 1).unwrap();
    closing.apply(&Op::Leave { attachment: attachment(1), how: LeaveKind::Close }, NOW).unwrap();
    assert_eq!((closing.status(), closing.seats().len()), (Status::Open, 0));
    let new = RoomSpec { on_creator_leave: OnCreatorLeave::Keep, ..new_room(10) };
    let mut kept = Room::create(new);
    attach(&mut kept, Ticket::Creator, 1).unwrap();
    kept.apply(&leave(1), NOW).unwrap();
    assert_eq!((kept.status(), kept.seats().len()), (Status::Open, 0));
    assert_eq!(kept.departure(kept.creator_id()), Some(LeaveReason::Left));
}

#[test]
fn a_ban_is_a_kick_and_a_new_password_and_may_be_repeated() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    let ban = Op::Kick { participant: id, rotate: Some(rotation(20, 0)) };
    assert_eq!((change(&mut room, &ban), change(&mut room, &ban)), (1, 0));
    assert_eq!((room.departure(id), room.password_epoch()), (Some(LeaveReason::Kicked), 1));
    assert_eq!(admit(&mut room), Err(Reject::WrongPassword));
}

#[test]
fn a_kick_can_be_made_a_ban_afterwards() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    kick(&mut room, id).unwrap();
    room.apply(&Op::Kick { participant: id, rotate: Some(rotation(20, 0)) }, NOW).unwrap();
    assert_eq!(room.password_epoch(), 1);
}

#[test]
fn a_ban_whose_password_is_refused_puts_nobody_out() {
    let mut room = room(10);
    let participant = seated(&mut room, 1);
    unchanged(&mut room, |room| {
        let ban = Op::Kick { participant, rotate: Some(rotation(PASSWORD[0], 0)) };
        assert_eq!(room.apply(&ban, NOW), Err(Reject::PasswordUnchanged));
    });
}

#[test]
fn only_who_was_put_out_can_be_put_out_again() {
    let mut room = room(10);
    let left = seated(&mut room, 1);
    room.apply(&leave(1), NOW).unwrap();
    assert_eq!(kick(&mut room, left), Err(Reject::ParticipantNotFound));
}

#[test]
fn a_kick_voids_the_token_that_the_seat_came_with_under_whatever_id() {
    let mut room = room(10);
    let ticket = guest(&mut room);
    attach(&mut room, ticket, 1).unwrap();
    let now_known_as = attach(&mut room, ticket, 2).unwrap();
    kick(&mut room, now_known_as).unwrap();
    assert_eq!(attach(&mut room, ticket, 3), Err(Reject::GrantVoid));
}

#[test]
fn the_last_256_voided_tokens_are_remembered() {
    let mut room = room(10);
    let tickets: Vec<Ticket> = (0..257)
        .map(|conn| {
            let ticket = guest(&mut room);
            let id = attach(&mut room, ticket, conn).unwrap();
            kick(&mut room, id).unwrap();
            ticket
        })
        .collect();
    assert_eq!(attach(&mut room, tickets[1], 1000), Err(Reject::GrantVoid));
    attach(&mut room, tickets[0], 1001).unwrap();
}

#[test]
fn the_last_64_departures_are_remembered() {
    let mut room = room(10);
    let ids: Vec<ParticipantId> = (0..65)
        .map(|conn| {
            let id = seated(&mut room, conn);
            room.apply(&leave(conn), NOW).unwrap();
            id
        })
        .collect();
    assert_eq!(room.departure(ids[0]), None);
    assert!(ids[1..].iter().all(|id| room.departure(*id) == Some(LeaveReason::Left)));
}

#[test]
fn a_room_is_closed_once_and_for_the_first_reason() {
    let mut room = room(10);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    let closes = [CloseReason::ByAdmin, CloseReason::ByCreator]
        .map(|reason| change(&mut room, &Op::Close(reason)));
    assert_eq!(closes, [1, 0]);
    assert_eq!((room.status(), room.seats().len()), (Status::Closed(CloseReason::ByAdmin), 0));
    prune(&mut room, NOW + HOUR);
    assert_eq!(room.status(), Status::Closed(CloseReason::ByAdmin));
    assert_eq!(admit(&mut room), Err(Reject::RoomClosed));
}

#[test]
fn a_guest_leaves_for_itself_alone() {
    let mut room = room(10);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    let id = seated(&mut room, 2);
    room.apply(&leave(2), NOW).unwrap();
    assert_eq!((room.status(), room.seats().len()), (Status::Open, 1));
    assert_eq!(room.departure(id), Some(LeaveReason::Left));
}

#[test]
fn the_leave_of_the_creators_replaced_socket_closes_nothing() {
    let mut room = room(10);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    attach(&mut room, Ticket::Creator, 2).unwrap();
    room.apply(&leave(1), NOW).unwrap();
    assert_eq!((room.status(), room.seats().len()), (Status::Open, 1));
}

#[test]
fn nothing_but_its_guesses_changes_in_a_room_that_is_over() {
    let mut room = room(10);
    let early = guest(&mut room);
    let id = seated(&mut room, 1);
    prune(&mut room, NOW + HOUR);
    unchanged(&mut room, |room| {
        assert_eq!(attach(room, early, 2), Err(Reject::RoomExpired));
        assert_eq!(kick(room, id), Err(Reject::RoomExpired));
        assert_eq!(rotate(room, 20, 0), Err(Reject::RoomExpired));
        for op in [
            leave(1),
            Op::Close(CloseReason::ByCreator),
            Op::Prune,
            Op::Detach { attachment: attachment(1), until: NOW },
        ] {
            room.apply(&op, NOW).unwrap();
        }
    });
}
