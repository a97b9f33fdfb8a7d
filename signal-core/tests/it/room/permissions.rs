//! What participants may do, as the record keeps it.

use signal_core::room::{Grant, Op, Reject, Room, Ticket, TicketTag};
use signal_core::{ParticipantId, Permissions};

use super::support::*;

fn permit(room: &mut Room, participant: ParticipantId, permissions: Permissions) -> u64 {
    change(room, &Op::SetPermissions { participant, permissions })
}

fn permitted(grant: Grant, conn: u64) -> Op {
    let mut op = attach_op(grant.ticket, conn);
    let Op::Attach { grant: given, .. } = &mut op else { unreachable!() };
    *given = grant;
    op
}

fn moderators() -> Permissions {
    Permissions::ALL
}

#[test]
fn a_guest_may_do_everything_but_moderate_and_the_creator_everything() {
    let mut room = room(10);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    seated(&mut room, 2);
    let permissions: Vec<_> = room.seats().iter().map(|seat| seat.permissions).collect();
    assert_eq!(permissions, [Permissions::ALL, Permissions::default()]);
    assert!(!Permissions::default().moderate);
}

#[test]
fn a_grant_decides_what_its_holder_may_do() {
    let mut room = room(10);
    let grant = Grant::new(Ticket::Host(TicketTag::new([1; 16])), 0).permitted(Permissions::NONE);
    let id = entered(room.apply(&permitted(grant, 1), NOW)).unwrap();
    assert_eq!(room.seat(id).unwrap().permissions, Permissions::NONE);
}

#[test]
fn the_same_permissions_once_more_change_nothing() {
    let mut room = room(10);
    let id = seated(&mut room, 1);
    assert_eq!(permit(&mut room, id, Permissions::NONE), 1);
    assert_eq!(permit(&mut room, id, Permissions::NONE), 0);
    let nobody = "p_zzzz9999".parse().unwrap();
    let permissions = Permissions::NONE;
    let reply = room.apply(&Op::SetPermissions { participant: nobody, permissions }, NOW);
    assert_eq!(reply, Err(Reject::ParticipantNotFound));
}

#[test]
fn neither_a_token_nor_a_resume_brings_permissions_back() {
    let mut room = room(10);
    let ticket = guest(&mut room);
    let id = attach(&mut room, ticket, 1).unwrap();
    permit(&mut room, id, Permissions::NONE);
    detach(&mut room, 1);
    resume(&mut room, 1, 2, Some(1)).unwrap();
    assert_eq!(room.seat(id).unwrap().permissions, Permissions::NONE, "resumed");
    room.apply(&leave(2), NOW).unwrap();
    let mut room = Room::from_record(&room.to_record()).unwrap();
    let generous = Grant::new(ticket, 0).permitted(moderators());
    let back = entered(room.apply(&permitted(generous, 3), NOW)).unwrap();
    assert_eq!(room.seat(back).unwrap().permissions, Permissions::NONE, "entered again");
    permit(&mut room, back, moderators());
    let again = attach(&mut room, ticket, 4).unwrap();
    assert_eq!(room.seat(again).unwrap().permissions, moderators(), "the last change holds");
}

#[test]
fn of_the_changes_the_last_thousand_are_kept() {
    let mut room = room(10);
    let first = guest(&mut room);
    for number in 0..=1000 {
        let ticket = if number == 0 { first } else { guest(&mut room) };
        let id = attach(&mut room, ticket, number + 1).unwrap();
        permit(&mut room, id, Permissions::NONE);
        let read = Room::from_record(&room.to_record()).unwrap();
        assert_eq!(read.seats(), room.seats(), "{number}");
        if number < 1000 {
            room.apply(&leave(number + 1), NOW).unwrap();
        }
    }
    let back = attach(&mut room, first, 9999).unwrap();
    assert_eq!(room.seat(back).unwrap().permissions, Permissions::default());
}

#[test]
fn permissions_that_only_a_newer_version_knows_are_written_back() {
    let mut room = room(10);
    let first = seated(&mut room, 1);
    let ticket = guest(&mut room);
    let second = attach(&mut room, ticket, 2).unwrap();
    permit(&mut room, second, Permissions::NONE);
    let mut newer = room.to_record();
    newer[0] += 1;
    // It ends with the bits of both seats, the length of a list, a ticket, the bits of that, and an
    // empty list.
    let end = newer.len() - 4;
    let [of_first, of_second, of_ticket] = [end - 22, end - 21, end - 1];
    assert_eq!((newer[of_first], newer[of_second], newer[of_ticket]), (0b111, 0, 0));
    newer[of_first] |= 0b1000_0000;
    newer[of_second] |= 0b1_0000;
    newer[of_ticket] |= 0b1_0000;
    let mut read = Room::from_record(&newer).unwrap();
    assert_eq!(read.to_record(), newer);

    let mut permissions = read.seat(first).unwrap().permissions;
    permissions.message = false;
    permit(&mut read, first, permissions);
    let again = attach(&mut read, ticket, 3).unwrap();
    let bits = |room: &Room| {
        let record = room.to_record();
        // Another ticket precedes the end.
        record[record.len() - 42..][..2].to_vec()
    };
    assert_ne!(again, second);
    assert_eq!(bits(&read), [0b1000_0110, 0b1_0000]);
}
