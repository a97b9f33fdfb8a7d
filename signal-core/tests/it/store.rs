//! The in-memory store.

use std::sync::Arc;
use std::time::Duration;

use signal_core::hub::NodeId;
use signal_core::room::{
    Attachment, Capacity, Change, CloseReason, Grant, IdSuffix, OnCreatorLeave, Op, PasswordTag,
    Reject, Room, RoomSpec, Status, Ticket, TokenHash,
};
use signal_core::store::{Applied, MemoryStore, RoomIdTaken};
use signal_core::{ConnId, DisplayName, ProtocolVersion, RoomId, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);
const HOUR: Duration = Duration::from_secs(3600);
const GRACE: Duration = Duration::from_secs(30);
const LINK: Attachment = Attachment { node: NodeId(1), conn: ConnId(1) };

#[test]
fn an_operation_on_a_room_that_is_not_there_is_refused() {
    let applied = MemoryStore::new().apply(id(0), &Op::Prune, NOW);
    assert_eq!((applied.record, applied.reply), (None, Err(Reject::RoomNotFound)));
}

#[test]
fn an_id_is_taken_until_the_room_is_forgotten() {
    let mut store = store();
    assert_eq!(store.create(room(0)), Err(RoomIdTaken));
    let _ = store.apply(id(0), &Op::Close(CloseReason::ByCreator), NOW);
    assert_eq!(store.create(room(0)), Err(RoomIdTaken), "an old invite may name it");
    let forgotten_at = NOW + Room::REMEMBERED;
    assert_eq!(store.poll_timeout(), Some(forgotten_at));
    let _ = store.handle_timeout(forgotten_at);
    assert_eq!((store.room(id(0)), store.poll_timeout()), (None, None));
    store.create(room(0)).unwrap();
}

#[test]
fn a_room_that_follows_another_is_newer_though_the_clock_went_back() {
    let mut store = MemoryStore::new();
    let id = RoomId::chosen("daily").unwrap();
    let spec = |epoch, created_at| RoomSpec { id, epoch, created_at, ..spec(0) };
    store.create(Room::create(spec(1, NOW))).unwrap();
    let over = store.apply(id, &Op::Close(CloseReason::ByCreator), NOW).record.unwrap();
    let before = Timestamp::from_millis(NOW.as_millis() - 1);
    let next = store.create(Room::create(spec(2, before))).unwrap();
    assert_eq!((next.created_at(), next.version()), (NOW, over.version() + 1));
}

#[test]
fn a_record_that_was_handed_out_stays_as_it_was() {
    let mut store = store();
    let before = Arc::clone(store.room(id(0)).unwrap());
    let after = store.apply(id(0), &attach(), NOW).record.unwrap();
    assert_eq!((before.version(), before.seats().len()), (1, 0));
    assert_eq!((after.version(), after.seats().len()), (2, 1));
    assert_eq!(store.room(id(0)), Some(&after));
}

#[test]
fn a_room_left_behind_by_an_earlier_process_waits_for_its_v2_participants() {
    let mut before = store();
    let _ = before.apply(id(0), &attach(), NOW);
    let _ = before.apply(id(0), &Op::Detach { attachment: LINK, until: NOW + GRACE }, NOW);
    let v1 = Attachment { conn: ConnId(2), ..LINK };
    let v2 = Attachment { conn: ConnId(3), ..LINK };
    for (ticket, protocol, attachment) in
        [("p_00000001", ProtocolVersion::V1, v1), ("p_00000000", ProtocolVersion::V2, v2)]
    {
        let Op::Attach { name, resume, suffix, .. } = attach() else { unreachable!() };
        let grant = Grant::new(Ticket::Guest(ticket.parse().unwrap()), 0);
        let client = None;
        let attach = Op::Attach {
            grant,
            name,
            protocol,
            attachment,
            resume,
            client,
            most_of_address: None,
            suffix,
        };
        let _ = before.apply(id(0), &attach, NOW);
    }
    let left = Room::clone(before.room(id(0)).unwrap());

    // The process was away for longer than the seat that was detached already had.
    let (restart, grace) = (NOW + 2 * GRACE, 2 * GRACE);
    let mut store = MemoryStore::new();
    let _ = store.restore(left.clone(), grace, restart).unwrap();
    let room = Arc::clone(store.room(id(0)).unwrap());
    assert_eq!(room.version(), left.version() + 1);
    let kept: Vec<_> = room.seats().iter().map(|seat| seat.attachment).collect();
    assert_eq!(kept, [LINK, v2], "who spoke v1 cannot come back");
    assert!(room.seats().iter().all(|seat| !seat.is_attached()));
    assert_eq!(store.poll_timeout(), Some(restart + grace));
    let _ = store.handle_timeout(restart + grace);
    assert!(store.room(id(0)).unwrap().seats().is_empty());
}

#[test]
fn what_became_due_is_told() {
    let mut store = store();
    let told = |due: Vec<(RoomId, Applied)>| {
        due.into_iter().map(|(id, applied)| (id, applied.record)).collect::<Vec<_>>()
    };
    let due = told(store.handle_timeout(NOW + HOUR));
    assert_eq!(due, [(id(0), store.room(id(0)).cloned())]);
    let due = told(store.handle_timeout(NOW + HOUR + Room::REMEMBERED));
    assert_eq!(due, [(id(0), None)]);
}

#[test]
fn a_room_that_is_withdrawn_was_never_there() {
    let mut store = store();
    store.withdraw(id(0));
    assert_eq!((store.room(id(0)), store.poll_timeout()), (None, None));
    store.create(room(0)).unwrap();
}

#[test]
fn seats_and_rooms_end_without_a_hub() {
    let mut store = store();
    let _ = store.apply(id(0), &attach(), NOW);
    let _ = store.apply(id(0), &Op::Detach { attachment: LINK, until: NOW + GRACE }, NOW);
    assert_eq!(store.poll_timeout(), Some(NOW + GRACE));
    let _ = store.handle_timeout(NOW + GRACE);
    assert!(store.room(id(0)).unwrap().seats().is_empty());
    assert_eq!(store.poll_timeout(), Some(NOW + HOUR));
    let _ = store.handle_timeout(NOW + HOUR);
    assert_eq!(store.room(id(0)).unwrap().status(), Status::Closed(CloseReason::Expired));
}

#[test]
fn the_next_timeout_is_that_of_whichever_room_is_due_first() {
    let mut store = store();
    store.create(room(1)).unwrap();
    let shorter = Change { expires_at: Some(NOW + GRACE), ..Change::default() };
    let _ = store.apply(id(1), &Op::Change(shorter), NOW);
    assert_eq!(store.poll_timeout(), Some(NOW + GRACE));
    let _ = store.handle_timeout(NOW + GRACE);
    let over = |room| store.room(id(room)).unwrap().status() != Status::Open;
    assert_eq!((over(0), over(1)), (false, true));
    assert_eq!(store.poll_timeout(), Some(NOW + HOUR));
}

#[test]
fn a_process_that_slept_for_days_catches_up_at_once() {
    let mut store = store();
    let _ = store.handle_timeout(NOW + HOUR + Room::REMEMBERED);
    assert_eq!((store.room(id(0)), store.poll_timeout()), (None, None));
}

fn store() -> MemoryStore {
    let mut store = MemoryStore::new();
    store.create(room(0)).unwrap();
    store
}

fn id(room: u8) -> RoomId {
    RoomId::from_indices([room; 6])
}

fn room(number: u8) -> Room {
    Room::create(spec(number))
}

fn spec(number: u8) -> RoomSpec {
    RoomSpec {
        id: id(number),
        epoch: 1,
        name: "room".into(),
        creator: Some("alice".into()),
        password: Some(PasswordTag::new([7; 32])),
        invite: TokenHash::new([9; 32]),
        capacity: Capacity::default(),
        created_at: NOW,
        expires_at: NOW + HOUR,
        on_creator_leave: OnCreatorLeave::Close,
        suffix: IdSuffix::new(1),
    }
}

fn attach() -> Op {
    Op::Attach {
        grant: Grant::new(Ticket::Creator, 0),
        name: DisplayName::parse("name").unwrap().unwrap(),
        protocol: ProtocolVersion::V2,
        attachment: LINK,
        resume: TokenHash::new([1; 32]),
        client: None,
        most_of_address: None,
        suffix: IdSuffix::new(2),
    }
}
