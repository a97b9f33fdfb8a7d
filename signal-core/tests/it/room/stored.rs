//! Records as bytes: what can be read again, and what is refused.

use std::time::Duration;

use signal_core::{Admission, InvalidRecord, Op, PasswordTag, Payload, Room};

use super::support::{
    NOW, admit_op, attachment, detach, guest, kick, lock, name, room, rotate, seated,
};

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
    assert_eq!(Room::from_record(&room.to_record()), Ok(room));
}

#[test]
fn guesses_that_were_made_stay_made() {
    let mut room = room(10);
    let wrong = Op::Admit {
        by: Admission::Password(PasswordTag::new([1; 32])),
        suffix: signal_core::IdSuffix::new(1),
    };
    for _ in 0..Room::GUESSES {
        room.apply(&wrong, NOW).unwrap_err();
    }
    let mut read = Room::from_record(&room.to_record()).unwrap();
    assert_eq!(read.apply(&wrong, NOW), Err(signal_core::Reject::PasswordLocked));
}

#[test]
fn a_record_that_is_cut_short_or_too_long_is_damaged() {
    let mut record = eventful().to_record();
    for length in 0..record.len() {
        assert_eq!(
            Room::from_record(&record[..length]),
            Err(InvalidRecord::Damaged),
            "{length} bytes"
        );
    }
    record.push(0);
    assert_eq!(Room::from_record(&record), Err(InvalidRecord::Damaged));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut record = eventful().to_record();
    record[0] = 3;
    assert_eq!(Room::from_record(&record), Err(InvalidRecord::Newer { format: 3, newest: 2 }));
}

#[test]
fn a_record_of_before_rooms_had_a_time_of_creation_is_read() {
    let room = eventful();
    let mut record = room.to_record();
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
    let record = eventful().to_record();
    for index in 0..record.len() {
        for bit in 0..8 {
            let mut changed = record.clone();
            changed[index] ^= 1 << bit;
            if let Ok(mut room) = Room::from_record(&changed) {
                // Every list and id is used.
                let _ = room.apply(&admit_op([8; 32]), NOW);
                let _ = room.apply(&Op::Prune, NOW);
                assert!(Room::from_record(&room.to_record()).is_ok(), "bit {bit} of byte {index}");
            }
        }
    }
}
