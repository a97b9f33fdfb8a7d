//! How many wrong passwords a room checks, and for whom.

use std::time::Duration;

use signal_core::room::{
    Admission, Change, IdSuffix, Op, PasswordTag, Receipt, Reject, Room, Ticket,
};
use signal_core::{AddressTag, Client, Timestamp};

use super::support::*;

const EACH: Duration = Room::ATTEMPT_EVERY;
const WRONG: [u8; 32] = [8; 32];

fn client(network: u64, host: u64) -> Client {
    let (address, network) = (AddressTag::new(1000 * network + host), AddressTag::new(network));
    Client { address, network }
}

fn tried(room: &mut Room, password: [u8; 32], from: Client, now: Timestamp) -> Option<Reject> {
    let by = Admission::Password(PasswordTag::new(password));
    let admit = Op::Admit { by, client: Some(from), suffix: IdSuffix::new(2) };
    room.apply(&admit, now).err()
}

/// Tries wrong passwords until none is checked any more, and returns how many were.
fn exhaust(room: &mut Room, from: impl Fn(u64) -> Client, now: Timestamp) -> u64 {
    (0..1000)
        .find(|try_| tried(room, WRONG, from(*try_), now) == Some(Reject::PasswordLocked))
        .unwrap()
}

fn restore(room: &mut Room) -> Result<Receipt, Reject> {
    let restore_attempts = Some(room.restores());
    set(room, Change { restore_attempts, ..Change::default() })
}

/// Everybody tries from a network of its own.
fn anywhere(try_: u64) -> Client {
    client(100 + try_, 1)
}

#[test]
fn a_room_answers_twenty_wrong_passwords_and_one_more_each_three_minutes() {
    let mut room = room(50);
    assert_eq!(room.password_attempts_left(NOW), 20);
    assert_eq!(exhaust(&mut room, anywhere, NOW), 20);
    assert_eq!((room.password_attempts_left(NOW), room.next_password_attempt_in(NOW)), (0, EACH));
    unchanged(&mut room, |room| {
        assert_eq!(tried(room, PASSWORD, anywhere(0), NOW), Some(Reject::PasswordLocked));
    });
    let mut answered = 20;
    for minutes in 1..=59 {
        let now = NOW + Duration::from_secs(60 * minutes);
        answered += exhaust(&mut room, |try_| client(1000 * minutes + try_, 1), now);
        assert_eq!(answered, 20 + minutes / 3, "after {minutes} minutes");
    }
    let mut rested = super::support::room(50);
    exhaust(&mut rested, anywhere, NOW);
    assert_eq!(rested.password_attempts_left(NOW + 19 * EACH), 19);
    assert_eq!(rested.password_attempts_left(NOW + 400 * EACH), 20, "no more than that");
}

#[test]
fn one_network_takes_half_at_most_so_that_others_still_enter() {
    let mut room = room(50);
    assert_eq!(exhaust(&mut room, |host| client(1, host), NOW), 10);
    assert_eq!(room.password_attempts_left(NOW), 10);
    assert_eq!(tried(&mut room, PASSWORD, client(2, 1), NOW), None);
    // Of what comes back it takes half, too.
    assert_eq!(exhaust(&mut room, |host| client(1, host), NOW + 4 * EACH), 2);
    assert_eq!(exhaust(&mut room, |host| client(3, host), NOW + 4 * EACH), 10);
}

#[test]
fn whoever_was_in_the_room_has_three_guesses_of_its_own_when_strangers_have_spent_the_others() {
    let mut room = room(50);
    let home = client(7, 7);
    let ticket = guest(&mut room);
    room.apply(&attach_from(home, None, ticket, 1), NOW).unwrap();
    room.apply(&leave(1), NOW).unwrap();
    exhaust(&mut room, anywhere, NOW);
    let neighbour = Client { address: AddressTag::new(1), ..home };
    assert_eq!(tried(&mut room, PASSWORD, neighbour, NOW), Some(Reject::PasswordLocked));
    for _ in 0..3 {
        assert_eq!(tried(&mut room, PASSWORD, home, NOW), None);
        assert_eq!(tried(&mut room, WRONG, home, NOW), Some(Reject::WrongPassword));
    }
    assert_eq!(tried(&mut room, PASSWORD, home, NOW), Some(Reject::PasswordLocked));
    let mut room = Room::from_record(&room.to_record()).unwrap();
    assert_eq!(tried(&mut room, PASSWORD, home, NOW), Some(Reject::PasswordLocked));
    restore(&mut room).unwrap();
    exhaust(&mut room, anywhere, NOW);
    assert_eq!(tried(&mut room, PASSWORD, home, NOW), None);
}

#[test]
fn a_creator_gives_all_guesses_back_ten_times_and_no_password_changes() {
    let mut room = room(50);
    let unused = guest(&mut room);
    for _ in 0..Room::RESTORES {
        assert_eq!(exhaust(&mut room, anywhere, NOW), 20);
        restore(&mut room).unwrap();
        assert_eq!(room.password_attempts_left(NOW), 20);
    }
    exhaust(&mut room, anywhere, NOW);
    unchanged(&mut room, |room| {
        let restore_attempts = Some(room.restores());
        let locked = Some(true);
        let refused = set(room, Change { restore_attempts, locked, ..Change::default() });
        assert_eq!(refused, Err(Reject::RestoresExhausted));
    });
    attach(&mut room, unused, 1).unwrap();
    admit_by_invite(&mut room, INVITE).unwrap();
}

#[test]
fn a_restore_that_is_repeated_is_no_second_one() {
    let mut room = room(50);
    let op = Op::Change(Change { restore_attempts: Some(0), ..Change::default() });
    assert_eq!((change(&mut room, &op), change(&mut room, &op)), (1, 0));
    assert_eq!(room.restores(), 1);
}

#[test]
fn that_guesses_ran_out_is_noted_until_all_of_them_are_back() {
    let mut room = room(50);
    let expires_at = Some(NOW + 2 * HOUR);
    set(&mut room, Change { expires_at, ..Change::default() }).unwrap();
    for _ in 0..19 {
        room.apply(&admit_op(WRONG), NOW).unwrap_err();
        assert!(!room.password_attempts_ran_out());
    }
    room.apply(&admit_op(WRONG), NOW).unwrap_err();
    assert!(room.password_attempts_ran_out());
    assert_eq!(room.deadline(), Some(NOW + 20 * EACH));
    prune(&mut room, NOW + 19 * EACH);
    assert!(room.password_attempts_ran_out());
    prune(&mut room, NOW + 20 * EACH);
    assert!(!room.password_attempts_ran_out());
    assert_eq!(room.deadline(), Some(NOW + 2 * HOUR));
}

#[test]
fn what_a_record_keeps_of_guesses_is_bounded() {
    let mut room = room(50);
    for round in 0..1000 {
        let from = client(round, 1);
        let _ = tried(&mut room, WRONG, from, NOW + EACH * round as u32 / 100);
        let ticket = Ticket::Guest(admit_by_invite(&mut room, INVITE).unwrap());
        room.apply(&attach_from(from, None, ticket, round), NOW).unwrap();
        room.apply(&leave(round), NOW).unwrap();
    }
    assert!(room.to_record().len() < 8 * 1024, "{} bytes", room.to_record().len());
}
