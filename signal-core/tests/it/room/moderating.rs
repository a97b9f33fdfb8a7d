//! What a moderator can do, and to whom.

use signal_core::identity::{Identity, UserId};
use signal_core::message::Moderation;
use signal_core::room::{
    Admission, CloseReason, Grant, IdSuffix, LeaveReason, Op, PasswordTag, Receipt, Reject, Room,
    Status, Ticket, TicketTag,
};
use signal_core::{ParticipantId, Permissions};

use super::support::*;

/// A room with the creator (1), a moderator (2) and a guest (3).
fn moderated() -> (Room, ParticipantId) {
    let mut room = room(10);
    attach(&mut room, Ticket::Creator, 1).unwrap();
    let moderator = seated(&mut room, 2);
    let guest = seated(&mut room, 3);
    permit(&mut room, moderator, Permissions::ALL);
    (room, guest)
}

fn permit(room: &mut Room, participant: ParticipantId, permissions: Permissions) {
    room.apply(&Op::SetPermissions { participant, permissions }, NOW).unwrap();
}

fn moderate(room: &mut Room, conn: u64, moderation: Moderation) -> Result<Receipt, Reject> {
    room.apply(&Op::Moderate { attachment: attachment(conn), moderation }, NOW)
}

#[test]
fn a_moderator_kicks_locks_and_closes() {
    let (mut room, guest) = moderated();
    moderate(&mut room, 2, Moderation::Kick(guest)).unwrap();
    assert_eq!(room.departure(guest), Some(LeaveReason::Kicked));
    moderate(&mut room, 2, Moderation::Kick(guest)).unwrap();
    moderate(&mut room, 2, Moderation::Lock).unwrap();
    assert!(room.locked());
    moderate(&mut room, 2, Moderation::Unlock).unwrap();
    assert!(!room.locked());
    moderate(&mut room, 2, Moderation::Close).unwrap();
    assert_eq!(room.status(), Status::Closed(CloseReason::ByAdmin));
    assert_eq!(moderate(&mut room, 2, Moderation::Close), Ok(Receipt::Done), "it is over");
    assert_eq!(moderate(&mut room, 2, Moderation::Lock), Err(Reject::RoomClosed));
}

#[test]
fn the_creator_moderates_too_until_the_host_forbids_it() {
    let (mut room, guest) = moderated();
    moderate(&mut room, 1, Moderation::Kick(guest)).unwrap();
    let creator = ids(&room)[0];
    permit(&mut room, creator, Permissions::default());
    assert_eq!(moderate(&mut room, 1, Moderation::Lock), Err(Reject::NotPermitted));
    permit(&mut room, creator, Permissions::ALL);
    moderate(&mut room, 1, Moderation::Close).unwrap();
    assert_eq!(room.status(), Status::Closed(CloseReason::ByCreator));
}

#[test]
fn nobody_moderates_without_the_permission_or_a_seat() {
    let (mut room, guest) = moderated();
    let creator = ids(&room)[0];
    let requests = [
        Moderation::Ban(guest),
        Moderation::Close,
        Moderation::Kick(guest),
        Moderation::Lock,
        Moderation::Unlock,
    ];
    unchanged(&mut room, |room| {
        for conn in [3, 9] {
            for request in requests {
                assert_eq!(moderate(room, conn, request), Err(Reject::NotPermitted), "{request:?}");
            }
        }
        for request in [Moderation::Kick(creator), Moderation::Ban(creator)] {
            assert_eq!(moderate(room, 2, request), Err(Reject::CreatorStays), "{request:?}");
        }
        let nobody = Moderation::Kick("p_zzzz9999".parse().unwrap());
        assert_eq!(moderate(room, 2, nobody), Err(Reject::ParticipantNotFound));
    });
}

#[test]
fn a_ban_voids_the_credentials_until_there_are_new_ones() {
    let (mut room, guest) = moderated();
    let unused = Ticket::Guest(admit(&mut room).unwrap());
    let ban = Moderation::Ban(guest);
    moderate(&mut room, 2, ban).unwrap();
    assert_eq!(room.departure(guest), Some(LeaveReason::Kicked));
    assert!(!room.has_password());
    let mut room = Room::from_record(&room.to_record()).unwrap();
    assert_eq!(admit(&mut room), Err(Reject::WrongPassword));
    assert_eq!(admit_by_invite(&mut room, INVITE), Err(Reject::InviteVoid));
    assert_eq!(attach(&mut room, unused, 8), Err(Reject::GrantVoid));
    let epoch = room.password_epoch();
    rotate(&mut room, 20, epoch).unwrap();
    unchanged(&mut room, |room| {
        moderate(room, 2, ban).unwrap();
    });
    let by = Admission::Password(PasswordTag::new([20; 32]));
    let suffix = IdSuffix::new(2);
    entered(room.apply(&Op::Admit { by, client: None, suffix }, NOW)).unwrap();
}

#[test]
fn a_ban_is_one_of_the_user_if_there_is_one() {
    let (mut room, _) = moderated();
    let user: UserId = "user-1".parse().unwrap();
    let [phone, laptop] = [4, 5].map(|conn| seat_user(&mut room, conn, &user));
    let other = seat_user(&mut room, 6, &"user-2".parse().unwrap());
    moderate(&mut room, 2, Moderation::Ban(phone)).unwrap();
    assert!(room.is_banned(&user));
    assert_eq!(room.departure(laptop), Some(LeaveReason::Kicked));
    assert!(room.seat(other).is_some());
    let minted = room.mint(TicketTag::new([7; 16]), Identity::of(user));
    assert_eq!(minted, Err(Reject::GrantVoid));
}

/// Seats a guest of that user.
fn seat_user(room: &mut Room, conn: u8, user: &UserId) -> ParticipantId {
    let ticket = Ticket::Host(TicketTag::new([conn; 16]));
    let mut op = attach_op(ticket, conn.into());
    let Op::Attach { grant, .. } = &mut op else { unreachable!() };
    let identity = Identity::of(user.clone());
    *grant = Grant::new(ticket, room.password_epoch()).identified(identity);
    entered(room.apply(&op, NOW)).unwrap()
}

#[test]
fn a_ban_that_comes_after_a_kick_bans_too() {
    let (mut room, guest) = moderated();
    let user: UserId = "user-1".parse().unwrap();
    let phone = seat_user(&mut room, 4, &user);
    kick(&mut room, phone).unwrap();
    let laptop = seat_user(&mut room, 5, &user);
    kick(&mut room, guest).unwrap();
    let mut room = Room::from_record(&room.to_record()).unwrap();
    room.identify(laptop, Identity::of(user.clone()));
    moderate(&mut room, 2, Moderation::Ban(phone)).unwrap();
    assert!(room.is_banned(&user) && !room.has_password());
    assert_eq!(room.departure(laptop), Some(LeaveReason::Kicked));
    let epoch = room.password_epoch();
    rotate(&mut room, 20, epoch).unwrap();
    unchanged(&mut room, |room| {
        for repeated in [phone, laptop, guest] {
            moderate(room, 2, Moderation::Ban(repeated)).unwrap();
        }
    });
}

#[test]
fn a_ban_after_a_kick_voids_the_password_with_which_the_user_came_back() {
    let (mut room, _) = moderated();
    let user: UserId = "user-1".parse().unwrap();
    let phone = seat_user(&mut room, 4, &user);
    kick(&mut room, phone).unwrap();
    let epoch = room.password_epoch();
    rotate(&mut room, 20, epoch).unwrap();
    let laptop = seat_user(&mut room, 5, &user);
    moderate(&mut room, 2, Moderation::Ban(phone)).unwrap();
    assert_eq!(room.departure(laptop), Some(LeaveReason::Kicked));
    assert!(!room.has_password());
    let epoch = room.password_epoch();
    rotate(&mut room, 21, epoch).unwrap();
    unchanged(&mut room, |room| moderate(room, 2, Moderation::Ban(phone)).map(drop).unwrap());
}

#[test]
fn a_ban_after_a_kick_that_has_changed_the_password_leaves_the_new_one_valid() {
    let (mut room, _) = moderated();
    let user: UserId = "user-1".parse().unwrap();
    let participant = seat_user(&mut room, 4, &user);
    let rotate = Some(rotation(20, room.password_epoch()));
    room.apply(&Op::Kick { participant, rotate }, NOW).unwrap();
    moderate(&mut room, 2, Moderation::Ban(participant)).unwrap();
    assert!(room.is_banned(&user) && room.has_password());
}

#[test]
fn a_ban_with_a_new_password_is_one_of_the_user_too() {
    let (mut room, _) = moderated();
    let user: UserId = "user-1".parse().unwrap();
    let [phone, laptop] = [4, 5].map(|conn| seat_user(&mut room, conn, &user));
    let other = seat_user(&mut room, 6, &"user-2".parse().unwrap());
    let ban = Op::Kick { participant: phone, rotate: Some(rotation(20, room.password_epoch())) };
    room.apply(&ban, NOW).unwrap();
    assert!(room.is_banned(&user) && room.seat(other).is_some());
    assert_eq!([phone, laptop].map(|id| room.departure(id)), [Some(LeaveReason::Kicked); 2]);
    unchanged(&mut room, |room| room.apply(&ban, NOW).map(drop).unwrap());
}

#[test]
fn a_new_password_after_a_kick_bans_the_user_who_came_back() {
    let (mut room, _) = moderated();
    let user: UserId = "user-1".parse().unwrap();
    let participant = seat_user(&mut room, 4, &user);
    kick(&mut room, participant).unwrap();
    assert!(!room.is_banned(&user));
    let laptop = seat_user(&mut room, 5, &user);
    let rotate = Some(rotation(20, room.password_epoch()));
    room.apply(&Op::Kick { participant, rotate }, NOW).unwrap();
    assert!(room.is_banned(&user));
    assert_eq!(room.departure(laptop), Some(LeaveReason::Kicked));
}

#[test]
fn a_ban_of_another_device_of_the_creator_is_refused_and_changes_no_password() {
    let (mut room, _) = moderated();
    let user: UserId = "user-1".parse().unwrap();
    let participant = seat_user(&mut room, 4, &user);
    let creator = room.creator_id();
    room.identify(creator, Identity::of(user));
    let rotate = Some(rotation(20, room.password_epoch()));
    unchanged(&mut room, |room| {
        let banned = room.apply(&Op::Kick { participant, rotate }, NOW);
        assert_eq!(banned, Err(Reject::CreatorStays));
    });
    kick(&mut room, participant).unwrap();
}

#[test]
fn a_ban_of_somebody_that_the_room_has_forgotten_is_refused() {
    let (mut room, guest) = moderated();
    kick(&mut room, guest).unwrap();
    for conn in 4..4 + 64 {
        let other = seated(&mut room, conn);
        kick(&mut room, other).unwrap();
    }
    unchanged(&mut room, |room| {
        let banned = moderate(room, 2, Moderation::Ban(guest));
        assert_eq!(banned, Err(Reject::ParticipantNotFound));
    });
}
