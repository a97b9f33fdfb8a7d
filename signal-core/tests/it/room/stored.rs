//! Records as bytes: which can be read again, and which are refused.

use std::time::Duration;

use signal_core::identity::Attributes;
use signal_core::message::Payload;
use signal_core::room::{
    Admission, Change, Durability, Grant, IdSuffix, LeaveReason, Op, PasswordTag, Room, Seat,
    Ticket,
};
use signal_core::{InvalidBytes, ProtocolVersion};

use super::support::*;

/// A room with something in every list and field.
fn eventful() -> Room {
    let mut room = room(10);
    let kicked = seated(&mut room, 1);
    seated(&mut room, 2);
    seated(&mut room, 3);
    detach(&mut room, 3);
    guest(&mut room);
    kick(&mut room, kicked).unwrap();
    room.apply(&admit_op([1; 32]), NOW).unwrap_err();
    let state = Some(Payload::new(&["muted"]).unwrap());
    room.apply(&Op::Update { attachment: attachment(2), name: Some(name("小红")), state }, NOW)
        .unwrap();
    rotate(&mut room, 8, 0).unwrap();
    lock(&mut room);
    room
}

#[test]
fn a_record_has_the_whole_room() {
    let room = eventful();
    let read = Room::from_record(&room.to_record()).unwrap();
    assert_eq!(read.to_record(), room.to_record());
    assert_eq!(without_states(&read), without_states(&room));
    assert_eq!((read.name(), read.version()), (room.name(), room.version()));
}

#[test]
fn guesses_that_were_made_stay_made() {
    let mut room = room(10);
    let wrong = Op::Admit {
        by: Admission::Password(PasswordTag::new([1; 32])),
        client: None,
        suffix: IdSuffix::new(1),
    };
    for _ in 0..Room::PASSWORD_ATTEMPTS {
        room.apply(&wrong, NOW).unwrap_err();
    }
    let mut read = Room::from_record(&room.to_record()).unwrap();
    assert_eq!(read.apply(&wrong, NOW), Err(signal_core::room::Reject::PasswordLocked));
}

/// Everything about the seats but their states, which the record does not have.
fn without_states(room: &Room) -> Vec<Seat> {
    let seats = room.seats().iter().cloned();
    seats
        .map(|mut seat| {
            seat.state = None;
            seat
        })
        .collect()
}

#[test]
fn a_state_is_no_part_of_the_record() {
    let mut room = room(10);
    seated(&mut room, 1);
    let record = room.to_record();
    let state = Some(Payload::new(&"x".repeat(4000)).unwrap());
    let update = Op::Update { attachment: attachment(1), name: None, state };
    let told = room.carry_out(&update, NOW);
    assert_eq!(told.durability, Durability::Volatile);
    assert!(room.seats()[0].state.is_some());
    assert_eq!(room.to_record().len(), record.len());
}

#[test]
fn what_a_participant_relies_on_is_kept_before_it_is_told_and_the_rest_afterwards() {
    use Durability::{BeforeAnswer, Grouped, Volatile};
    let mut room = room(10);
    let durability = |room: &mut Room, op: &Op| room.carry_out(op, NOW).durability;
    let first = guest(&mut room);
    let second = guest(&mut room);
    assert_eq!(durability(&mut room, &admit_op(PASSWORD)), Volatile, "an id of the block");
    assert_eq!(durability(&mut room, &admit_op([1; 32])), BeforeAnswer, "a wrong guess");
    assert_eq!(durability(&mut room, &attach_op(Ticket::Creator, 1)), BeforeAnswer);
    assert_eq!(durability(&mut room, &attach_op(first, 2)), BeforeAnswer);
    assert_eq!(durability(&mut room, &attach_op(second, 3)), BeforeAnswer);
    let update = |name| Op::Update { attachment: attachment(2), name, state: None };
    assert_eq!(durability(&mut room, &update(Some(name("new")))), Grouped);
    assert_eq!(durability(&mut room, &update(None)), Volatile);
    let lost = Op::Detach { attachment: attachment(2), until: NOW + GRACE };
    assert_eq!(durability(&mut room, &lost), Grouped);
    let back = Op::Resume {
        token: token(2),
        next_token: token(4),
        attachment: attachment(4),
        continues: None,
        client: None,
    };
    assert_eq!(durability(&mut room, &back), BeforeAnswer);
    assert_eq!(durability(&mut room, &leave(4)), Grouped, "a guest's");
    let participant = ids(&room)[1];
    assert_eq!(durability(&mut room, &Op::Kick { participant, rotate: None }), BeforeAnswer);
    let locked = Change { locked: Some(true), ..Change::default() };
    assert_eq!(durability(&mut room, &Op::Change(locked)), BeforeAnswer);
    assert_eq!(durability(&mut room, &leave(1)), BeforeAnswer, "the creator's");
}

#[test]
fn ids_are_reserved_in_blocks_and_none_is_issued_twice_when_a_record_is_read_again() {
    let mut room = room(50);
    let mut lowest = room.creator_id();
    let mut written = 0;
    for joined in 0..3000 {
        let told = room.carry_out(&admit_op(PASSWORD), NOW);
        let id = entered(told.reply).unwrap();
        assert!(id < lowest, "{id} follows {lowest}");
        lowest = id;
        written += u32::from(told.durability == Durability::BeforeAnswer);
        // The process dies, and the disk has only what must be there.
        if joined % 1500 == 0 {
            room = Room::from_record(&room.to_record()).unwrap();
        }
    }
    assert_eq!(written, 4, "a block after each of two crashes, and a second one after each");
}

#[test]
fn a_room_of_version_0_1_0_is_read_with_all_it_had() {
    let mut room = Room::from_record(include_bytes!("records/format-2.bin")).unwrap();
    let names: Vec<_> = room.seats().iter().map(|seat| seat.name.to_string()).collect();
    assert_eq!(
        (ids(&room)[1].as_str(), names),
        ("p_zzzy3mdd", vec!["alice".into(), "guest".into()])
    );
    assert_eq!((room.name(), room.creator(), room.version()), ("open", Some("alice"), 12));
    let guest = room.seats()[1].clone();
    assert_eq!(guest.state.as_ref().unwrap().as_bytes(), br#"{"muted": true}"#);
    let kicked = "p_zzzwbnmz".parse().unwrap();
    assert_eq!(room.departure(kicked), Some(LeaveReason::Kicked));
    let now = room.created_at();
    assert_eq!(room.password_attempts_left(now), Room::PASSWORD_ATTEMPTS - 3);
    // Newer ids have one digit more to count with, and are smaller all the same.
    let attach = Op::Attach {
        grant: Grant::new(Ticket::Creator, 0),
        name: name("alice"),
        protocol: ProtocolVersion::V2,
        attachment: attachment(1),
        resume: token(1),
        client: None,
        most_of_address: None,
        suffix: IdSuffix::new(u32::MAX),
    };
    let id = entered(room.apply(&attach, now)).unwrap();
    assert!(id < kicked && id.as_str().starts_with("p_zzzv"), "{id}");
    assert_eq!(Room::from_record(&room.to_record()).unwrap().to_record(), room.to_record());
}

#[test]
fn a_record_that_is_cut_short_or_too_long_is_damaged() {
    let mut record = eventful().to_record();
    for length in 0..record.len() {
        assert_eq!(
            Room::from_record(&record[..length]),
            Err(InvalidBytes::Damaged),
            "{length} bytes"
        );
    }
    record.push(0);
    assert_eq!(Room::from_record(&record), Err(InvalidBytes::Damaged));
}

#[test]
fn a_record_with_a_seat_whose_id_was_never_issued_is_damaged() {
    let record = eventful().to_record();
    let renamed = |id: &str, other: &str| {
        let mut record = record.clone();
        while let Some(at) = record.windows(id.len()).position(|bytes| bytes == id.as_bytes()) {
            record[at..at + id.len()].copy_from_slice(other.as_bytes());
        }
        Room::from_record(&record)
    };
    let newest = ids(&eventful()).pop().unwrap();
    assert_eq!(newest.as_str(), "p_zzzzw002");
    assert!(renamed("p_zzzzw002", "p_zzzzv002").is_ok(), "it may have been issued");
    // The ids of those that enter next are larger than this one, and would follow it.
    assert_eq!(renamed("p_zzzzw002", "p_00000002"), Err(InvalidBytes::Damaged));
}

#[test]
fn a_record_whose_version_could_overflow_is_damaged() {
    let mut record = eventful().to_record();
    // Two bytes for the format, then the id with its length, and the epoch.
    let version = 2 + 4 + 6 + 8..2 + 4 + 6 + 8 + 8;
    assert_eq!(record[version.clone()], eventful().version().to_le_bytes());
    record[version.clone()].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    assert!(Room::from_record(&record).is_ok());
    record[version].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(Room::from_record(&record), Err(InvalidBytes::Damaged));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut record = eventful().to_record();
    (record[0], record[1]) = (10, 10);
    assert_eq!(Room::from_record(&record), Err(InvalidBytes::Newer { format: 10, newest: 9 }));
    // A format cannot be older than those that read it.
    (record[0], record[1]) = (9, 10);
    assert_eq!(Room::from_record(&record), Err(InvalidBytes::Damaged));
    // Nor can it be read by those that do not know where to look.
    (record[0], record[1]) = (10, 7);
    assert_eq!(Room::from_record(&record), Err(InvalidBytes::Damaged));
}

#[test]
fn the_fields_of_a_newer_format_are_written_back() {
    let mut newer = eventful().to_record();
    newer[0] = 10;
    newer.extend(b"what only format 10 knows");
    let mut room = Room::from_record(&newer).unwrap();
    assert_eq!(room.to_record(), newer);
    let change = Change { name: Some("other".into()), ..Change::default() };
    room.apply(&Op::Change(change), NOW).unwrap();
    let written = room.to_record();
    assert_eq!((written[0], written[1]), (10, 8));
    assert!(written.ends_with(b"what only format 10 knows"));
    assert_eq!(Room::from_record(&written).unwrap().name(), "other");
}

#[test]
fn the_hosts_own_data_is_part_of_the_record() {
    let mut room = eventful();
    let data = Attributes::new([("meeting", "17")]).unwrap();
    let change = Change { data: Some(data.clone()), ..Change::default() };
    room.apply(&Op::Change(change), NOW).unwrap();
    assert_eq!(Room::from_record(&room.to_record()).unwrap().data(), Some(&data));
}

/// The record of the eventful room, if it forgot whom it has kicked.
fn forgetful() -> Vec<u8> {
    let mut record = eventful().to_record();
    // One id of ten bytes, that there is no user, and the epoch of the password.
    record.truncate(record.len() - 4 - (4 + 10) - 1 - 4);
    record.extend([0; 4]);
    record
}

/// The record of the eventful room, as it was when rooms forgot whom they had kicked.
fn format_8() -> Vec<u8> {
    let mut record = forgetful();
    record.truncate(record.len() - 4);
    record[0] = 8;
    record
}

#[test]
fn a_record_of_before_rooms_remembered_whom_they_kicked_is_read() {
    assert_eq!(Room::from_record(&format_8()).unwrap().to_record(), forgetful());
}

/// The record of the eventful room, as it was when seats had no permissions, each room had an
/// invite and a creator, and none had more than 50 seats.
fn format_7() -> Vec<u8> {
    let room = eventful();
    let mut record = format_8();
    // A list of the permissions of each seat, and an empty list of those that were changed.
    record.truncate(record.len() - 4 - room.seats().len() - 4);
    let invite = record.windows(32).position(|bytes| bytes == [108; 32]).unwrap();
    // That there is one.
    assert_eq!(record.remove(invite - 1), 1);
    let seats = [10, 0, u8::try_from(room.seats().len()).unwrap(), 0, 0, 0];
    let capacity = record.windows(seats.len()).position(|bytes| bytes == seats).unwrap();
    record.remove(capacity + 1);
    let creator = record.windows(9).position(|bytes| bytes == b"\x05\0\0\0alice").unwrap();
    assert_eq!(record.remove(creator - 1), 1, "that there is one");
    assert_eq!(record.remove(1), 8, "the oldest format whose readers understand it");
    record[0] = 7;
    record
}

#[test]
fn a_record_of_before_seats_had_permissions_and_rooms_could_lack_a_creator_is_read() {
    assert_eq!(Room::from_record(&format_7()).unwrap().to_record(), forgetful());
}

/// The record of the eventful room, as it was when rooms had no data.
fn format_6() -> Vec<u8> {
    let mut record = format_7();
    // That there is none.
    assert_eq!(record.pop(), Some(0));
    record[0] = 6;
    record
}

#[test]
fn a_record_of_before_rooms_had_data_is_read() {
    assert_eq!(Room::from_record(&format_6()).unwrap().to_record(), forgetful());
}

/// The record of the eventful room, as it was when seats had no addresses.
fn format_5() -> Vec<u8> {
    let room = eventful();
    let mut record = format_6();
    // A list that says of each seat that it has none.
    record.truncate(record.len() - 4 - room.seats().len());
    record[0] = 5;
    record
}

#[test]
fn a_record_of_before_seats_had_addresses_is_read() {
    assert_eq!(Room::from_record(&format_5()).unwrap().to_record(), forgetful());
}

/// The record of the eventful room, as it was when each room had a password.
fn format_4() -> Vec<u8> {
    let mut record = format_5();
    let password = record.windows(32).position(|bytes| bytes == [8; 32]).unwrap();
    // That there is one.
    assert_eq!(record.remove(password - 1), 1);
    record[0] = 4;
    record
}

#[test]
fn a_record_of_before_rooms_could_lack_a_password_is_read() {
    assert_eq!(Room::from_record(&format_4()).unwrap().to_record(), forgetful());
}

#[test]
fn a_record_of_before_users_could_be_banned_is_read() {
    let mut record = format_4();
    // An empty list.
    record.truncate(record.len() - 4);
    record[0] = 3;
    assert_eq!(Room::from_record(&record).unwrap().to_record(), forgetful());
}

#[test]
fn a_record_of_before_rooms_had_a_time_of_creation_is_read() {
    let mut record = include_bytes!("records/format-2.bin").to_vec();
    let room = Room::from_record(&record).unwrap();
    let created_at = room.created_at().as_millis().to_le_bytes();
    let at = record.windows(8).position(|bytes| bytes == created_at).unwrap();
    record.drain(at..at + 8);
    record[0] = 1;
    let read = Room::from_record(&record).unwrap();
    assert_eq!(read.created_at() + Duration::from_secs(24 * 60 * 60), room.expires_at());
    assert_eq!((read.expires_at(), read.seats()), (room.expires_at(), room.seats()));
}

#[test]
fn no_changed_byte_makes_reading_or_what_follows_panic() {
    for record in [eventful().to_record(), include_bytes!("records/format-2.bin").to_vec()] {
        for index in 0..record.len() {
            for bit in 0..8 {
                let mut changed = record.clone();
                changed[index] ^= 1 << bit;
                if let Ok(mut room) = Room::from_record(&changed) {
                    // Every list and id is used.
                    let _ = room.apply(&admit_op([8; 32]), NOW);
                    let _ = room.apply(&Op::Prune, NOW);
                    assert!(
                        Room::from_record(&room.to_record()).is_ok(),
                        "bit {bit} of byte {index}"
                    );
                }
            }
        }
    }
}
