//! Seats without a socket, and resumes.

use signal_core::ProtocolVersion;
use signal_core::room::{
    CloseReason, LeaveKind, LeaveReason, Op, Presence, Receipt, Reject, Ticket,
};

use super::support::*;

#[test]
fn a_detached_seat_is_kept_until_its_time_and_not_counted_by_join() {
    let mut room = room(2);
    let promised = admit(&mut room).unwrap();
    let id = attach(&mut room, Ticket::Guest(promised), 1).unwrap();
    let until = NOW + GRACE;
    room.apply(&Op::Detach { attachment: attachment(1), until }, NOW).unwrap();
    assert_eq!(room.seat(id).unwrap().presence, Presence::Detached { since: NOW, until });
    assert_eq!(room.deadline(), Some(until));
    admit(&mut room).unwrap();
    room.apply(&Op::Prune, until).unwrap();
    assert!(room.seats().is_empty());
}

#[test]
fn a_resume_keeps_the_seat_and_rotates_its_token() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    detach(&mut room, 1);
    assert_eq!(resume(&mut room, 1, 2, Some(1)), Ok(Receipt::Resumed { id, continued: true }));
    let seat = room.seat(id).unwrap();
    assert_eq!(
        (seat.attachment, seat.presence, seat.generation),
        (attachment(2), Presence::Attached, 1)
    );
    // Nothing that names the old socket means anything any more.
    assert_eq!(change(&mut room, &Op::Detach { attachment: attachment(1), until: NOW }), 0);
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
    let op = Op::Resume {
        token: token(1),
        next_token: token(2),
        attachment: attachment(2),
        continues: Some(attachment(1)),
        client: None,
    };
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
    lock(&mut room);
    resume(&mut room, 3, 13, None).unwrap();
    detach(&mut room, 13);
    room.apply(&Op::Prune, NOW + GRACE).unwrap();
    assert_eq!(resume(&mut room, 13, 14, None), Err(Reject::ResumeFailed));
}

#[test]
fn a_resume_that_comes_late_a_second_time_does_not_take_the_seat_back() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    assert_eq!(resume(&mut room, 1, 2, Some(1)), Ok(Receipt::Resumed { id, continued: true }));
    // Its answer was lost, and the participant came with the same token once more.
    assert_eq!(resume(&mut room, 1, 3, None), Ok(Receipt::Resumed { id, continued: false }));
    unchanged(&mut room, |room| {
        assert_eq!(resume(room, 1, 2, Some(1)), Ok(Receipt::Resumed { id, continued: true }));
    });
    assert_eq!(room.seat(id).unwrap().attachment, attachment(3));
}

#[test]
fn a_resume_needs_a_room_that_is_running() {
    let mut closed = room(10);
    seated(&mut closed, 1);
    let mut expired = closed.clone();
    detach(&mut closed, 1);
    closed.apply(&Op::Close(CloseReason::ByCreator), NOW).unwrap();
    assert_eq!(resume(&mut closed, 1, 2, None), Err(Reject::RoomClosed));
    prune(&mut expired, NOW + HOUR);
    assert_eq!(resume(&mut expired, 1, 2, None), Err(Reject::RoomExpired));
}

#[test]
fn a_seat_of_v1_has_nothing_to_resume_it_with() {
    let mut room = room(10);
    let mut op = attach_op(Ticket::Creator, 1);
    let Op::Attach { protocol, .. } = &mut op else { unreachable!() };
    *protocol = ProtocolVersion::V1;
    room.apply(&op, NOW).unwrap();
    assert_eq!(resume(&mut room, 1, 2, Some(1)), Err(Reject::ResumeFailed));
    assert_eq!(room.resumable(token(1)), None);
}

#[test]
fn a_seat_of_v1_ends_with_its_socket_whatever_time_is_named() {
    let mut room = room(10);
    let ticket = guest(&mut room);
    let mut op = attach_op(ticket, 1);
    let Op::Attach { protocol, .. } = &mut op else { unreachable!() };
    *protocol = ProtocolVersion::V1;
    let id = entered(room.apply(&op, NOW)).unwrap();
    let detach = Op::Detach { attachment: attachment(1), until: NOW + GRACE };
    assert_eq!((change(&mut room, &detach), change(&mut room, &detach)), (1, 0));
    assert_eq!((ids(&room).len(), room.departure(id)), (0, Some(LeaveReason::Lost)));
}

#[test]
fn a_token_tells_whose_seat_it_resumes_and_whether_it_is_the_newest() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    resume(&mut room, 1, 2, None).unwrap();
    for (conn, is_newest) in [(2, true), (1, false)] {
        let seat = room.resumable(token(conn)).unwrap();
        assert_eq!((seat.id, seat.resumes_current(token(conn))), (id, is_newest));
    }
    assert_eq!(room.resumable(token(3)), None);
}

#[test]
fn a_kick_voids_resume_tokens() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    detach(&mut room, 1);
    kick(&mut room, id).unwrap();
    assert_eq!(resume(&mut room, 1, 2, None), Err(Reject::ResumeFailed));
}

#[test]
fn a_seat_that_lapses_at_the_moment_of_its_resume_is_lost() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    detach(&mut room, 1);
    let op = Op::Resume {
        token: token(1),
        next_token: token(2),
        attachment: attachment(2),
        continues: None,
        client: None,
    };
    let version = room.version();
    assert_eq!(room.apply(&op, NOW + GRACE), Err(Reject::ResumeFailed));
    assert_eq!((room.departure(id), room.version()), (Some(LeaveReason::Lost), version + 1));
}

#[test]
fn a_seat_that_is_not_to_be_kept_ends_with_its_socket_as_lost() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    room.apply(&Op::Detach { attachment: attachment(1), until: NOW }, NOW).unwrap();
    assert_eq!((ids(&room).len(), room.departure(id)), (0, Some(LeaveReason::Lost)));
}

#[test]
fn a_socket_that_said_goodbye_leaves_even_if_its_loss_was_told_first() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    detach(&mut room, 1);
    room.apply(&Op::Leave { attachment: attachment(1), how: LeaveKind::Close }, NOW).unwrap();
    assert_eq!(room.departure(id), Some(LeaveReason::Left));
}

#[test]
fn a_second_loss_of_the_same_socket_does_not_prolong_the_wait() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    detach(&mut room, 1);
    unchanged(&mut room, |room| {
        room.apply(&Op::Detach { attachment: attachment(1), until: NOW + 2 * GRACE }, NOW + SECOND)
            .unwrap();
    });
    assert_eq!(
        room.seat(id).unwrap().presence,
        Presence::Detached { since: NOW, until: NOW + GRACE }
    );
}
