//! Messages to members about joins and leaves.

use std::time::Duration;

use serde_json::json;
use signal_core::hub::{Disconnect, Input, Output};
use signal_core::room::{Change, CloseReason, Op, Room, Ticket};
use signal_core::store::MemoryStore;

use crate::common::{LIFE, Node};

#[test]
fn a_newcomer_learns_who_is_there_and_the_others_learn_of_it() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let ticket = node.join();
    let guest = node.open(ticket, "小红");
    let joined = node.take(guest);
    let id = joined[0]["participant_id"].clone();
    let participants = json!([{"id": creator_id.as_str(), "name": "creator", "is_creator": true}]);
    assert_eq!(
        joined,
        [json!({"type": "joined", "participant_id": id, "participants": participants})]
    );
    let participant = json!({"id": id, "name": "小红", "is_creator": false});
    assert_eq!(node.take(creator), [json!({"type": "peer_joined", "participant": participant})]);
}

#[test]
fn a_leaver_is_announced_to_the_others_and_its_connection_closed() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let (guest, id) = node.guest("guest");
    node.take(creator);
    node.say(guest, r#"{"type":"leave"}"#);
    assert_eq!(node.take(creator), [json!({"type": "peer_left", "participant_id": id.as_str()})]);
    assert_eq!((node.closed(guest), node.take(guest)), (Some(1000), vec![]));
    assert_eq!(node.closed(creator), None);
}

#[test]
fn nothing_a_leaver_still_sends_counts() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (guest, _) = node.guest("guest");
    node.say(guest, r#"{"type":"leave"}"#);
    node.take(creator);
    node.signal(guest, "offer", creator_id, "late");
    node.say(guest, r#"{"type":"leave"}"#);
    node.lose(guest);
    assert!(node.take(creator).is_empty());
}

#[test]
fn a_lost_socket_ends_its_seat_and_never_the_room() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (guest, _) = node.guest("guest");
    node.lose(creator);
    assert_eq!(
        node.take(guest),
        [json!({"type": "peer_left", "participant_id": creator_id.as_str()})]
    );
    let (_, again) = node.creator();
    assert!(again < creator_id);
    assert_eq!(node.take_types(guest), ["peer_joined"]);
}

#[test]
fn the_creators_leave_closes_the_room_for_everybody() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let (guest, _) = node.guest("guest");
    node.take(creator);
    node.say(creator, r#"{"type":"leave"}"#);
    assert_eq!(
        node.take(guest),
        [json!({"type": "room_closed", "reason": "the creator closed the room"})]
    );
    assert_eq!((node.closed(guest), node.closed(creator)), (Some(4503), Some(1000)));
    assert!(node.take(creator).is_empty());
}

#[test]
fn a_room_closed_from_elsewhere_is_closed_for_everybody() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let (guest, _) = node.guest("guest");
    node.take(creator);
    node.apply(&Op::Close(CloseReason::ByCreator));
    for conn in [creator, guest] {
        assert_eq!(node.take_types(conn), ["room_closed"]);
        assert_eq!(node.closed(conn), Some(4503));
    }
}

#[test]
fn a_room_closes_when_its_time_is_over() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let end = node.now + LIFE;
    node.wait(READERS_LOOKED_AFTER);
    assert_eq!(node.hub.poll_timeout(), Some(end));
    node.wait(LIFE - READERS_LOOKED_AFTER);
    assert_eq!(
        node.take(creator),
        [json!({"type": "room_closed", "reason": "the room has expired"})]
    );
    assert_eq!(node.closed(creator), Some(4503));
    node.wait(BUDGETS_FULL_AGAIN);
    assert_eq!(node.hub.poll_timeout(), None);
}

#[test]
fn whoever_is_put_out_is_told_so_in_its_language() {
    let mut node = Node::new(10);
    let (old, old_id) = node.guest("old");
    let (new, new_id, _) = node.guest_v2("new");
    node.take(old);
    for participant in [old_id, new_id] {
        node.apply(&Op::Kick { participant, rotate: None });
    }
    let reason = "you were removed from the room";
    assert_eq!(node.take(old), [json!({"type": "room_closed", "reason": reason})]);
    assert_eq!(node.take(new).last().unwrap(), &json!({"type": "kicked", "reason": reason}));
    assert_eq!([old, new].map(|conn| node.closed(conn)), [Some(4511), Some(4511)]);
}

#[test]
fn a_room_that_the_store_does_not_know_any_more_is_over() {
    let mut node = Node::new(10);
    let (leaver, _) = node.guest("leaver");
    let (guest, _) = node.guest("guest");
    node.store = MemoryStore::new();
    node.say(leaver, r#"{"type":"leave"}"#);
    assert_eq!(node.take_types(guest), ["room_closed"]);
    assert_eq!(node.closed(guest), Some(4503));
    assert!(node.hub.is_idle());
    node.wait(BUDGETS_FULL_AGAIN);
    assert_eq!(node.hub.poll_timeout(), None);
}

#[test]
fn a_room_that_is_forgotten_before_its_time_was_closed_by_somebody() {
    for (after, code) in [(LIFE - Duration::from_millis(1), "admin"), (LIFE, "expired")] {
        let mut node = Node::new(10);
        let (leaver, ..) = node.guest_v2("leaver");
        let (guest, ..) = node.guest_v2("guest");
        node.store = MemoryStore::new();
        node.now = node.now + after;
        node.say(leaver, r#"{"type":"leave"}"#);
        assert_eq!(node.take(guest)[0]["code"], code);
    }
}

#[test]
fn a_socket_that_somebody_has_declared_lost_is_closed_and_its_seat_waits() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let (guest, id, token) = node.guest_v2("guest");
    node.take(creator);
    let attachment = node.store.room(node.room).unwrap().seat(id).unwrap().attachment;
    node.apply(&Op::Detach { attachment, until: node.now + LIFE / 2 });
    assert_eq!(node.closed(guest), Some(4001));
    assert!(node.take(creator).is_empty());
    let back = node.resume(&token, 1);
    assert_eq!(node.take_types(back), ["resumed"]);
}

#[test]
fn a_store_whose_clock_is_behind_is_asked_again_a_second_later() {
    let mut node = Node::new(10);
    node.guest("guest");
    let (early, end) = (node.now + (LIFE - Duration::from_millis(1)), node.now + LIFE);
    node.hub.handle_timeout(end);
    let Some(Output::Commit { op, room, change: Op::Prune }) = node.hub.poll_output() else {
        panic!()
    };
    let applied = node.store.apply(room, &Op::Prune, early);
    node.hub.handle_input(Input::Committed { op, applied }, end);
    assert_eq!(node.hub.poll_timeout(), Some(end + Duration::from_secs(1)));
}

#[test]
fn a_room_nobody_is_connected_to_ends_and_is_forgotten_a_day_later() {
    let mut node = Node::new(10);
    node.wait(LIFE);
    assert_eq!(node.store.poll_timeout(), Some(node.now + Room::REMEMBERED));
    assert!(node.store.room(node.room).is_some());
    node.wait(Room::REMEMBERED);
    assert!(node.store.room(node.room).is_none());
    assert_eq!(node.store.poll_timeout(), None);
}

#[test]
fn a_newer_socket_replaces_the_older_one_and_enters_as_the_newest() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let ticket = node.join();
    let older = node.open(ticket, "guest");
    let older_id = node.take(older)[0]["participant_id"].clone();
    node.take(creator);
    let newer = node.open(ticket, "guest");
    let newer_id = node.take(newer)[0]["participant_id"].clone();
    let told = node.take(creator);
    assert_eq!(told[0], json!({"type": "peer_left", "participant_id": older_id}));
    assert_eq!(told[1]["participant"]["id"], newer_id);
    assert_eq!((told.len(), node.closed(older), node.take(older)), (2, Some(4509), vec![]));
    node.say(older, r#"{"type":"leave"}"#);
    node.lose(older);
    assert!(node.take(creator).is_empty());
}

#[test]
fn a_refused_attach_gets_one_error_and_its_close_code() {
    let mut node = Node::new(2);
    let (first, second) = (node.join(), node.join());
    node.open(first, "first");
    let refused = node.open(second, "second");
    assert_eq!(
        node.take(refused),
        [json!({"type": "error", "code": "room_full", "message": "the room is full"})]
    );
    assert_eq!(node.closed(refused), Some(4504));
    node.apply(&Op::Close(CloseReason::ByCreator));
    let refused = node.open(Ticket::Creator, "creator");
    assert_eq!(node.take(refused)[0]["code"], "room_closed");
    assert_eq!(node.closed(refused), Some(4503));
}

#[test]
fn a_socket_lost_before_its_seat_came_gives_the_seat_back() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let ticket = node.join();
    let open = node.open_input(ticket, "guest");
    let Input::Open { conn, .. } = open else { unreachable!() };
    // Handed in without draining: the store has not answered yet.
    node.hub.handle_input(open, node.now);
    node.lose(conn);
    assert_eq!(node.take_types(creator), ["peer_joined", "peer_left"]);
    assert_eq!(node.store.room(node.room).unwrap().seats().len(), 1);
    assert!(node.take(conn).is_empty());
}

#[test]
fn frames_sent_before_the_seat_came_are_delivered_after_the_newcomer_was_announced() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let ticket = node.join();
    let open = node.open_input(ticket, "guest");
    let Input::Open { conn, .. } = open else { unreachable!() };
    node.hub.handle_input(open, node.now);
    node.signal(conn, "offer", creator_id, "early");
    assert_eq!(node.take_types(creator), ["peer_joined", "offer"]);
    assert_eq!(node.take_types(conn), ["joined"]);
}

#[test]
fn a_record_older_than_the_one_seen_changes_nothing() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let before = node.store.room(node.room).unwrap().clone();
    let (guest, _) = node.guest("guest");
    node.take(creator);
    node.input(Input::Record(before));
    assert!(node.take(creator).is_empty());
    assert_eq!(node.closed(guest), None);
}

#[test]
fn a_join_costs_one_encoding_however_many_are_told() {
    let mut node = Node::new(50);
    for _ in 0..49 {
        node.guest("guest");
    }
    let before = node.broadcasts();
    node.creator();
    assert_eq!(node.broadcasts() - before, 1);
}

#[test]
fn the_host_is_told_when_a_rooms_records_are_wanted() {
    let mut node = Node::new(10);
    let open = node.open_input(Ticket::Creator, "creator");
    let Input::Open { conn, .. } = open else { unreachable!() };
    node.hub.handle_input(open, node.now);
    assert!(matches!(node.hub.poll_output(), Some(Output::Watch(room)) if room == node.room));
    let Some(Output::Commit { op, room, change }) = node.hub.poll_output() else { unreachable!() };
    let applied = node.store.apply(room, &change, node.now);
    node.input(Input::Committed { op, applied });
    node.hub.handle_input(Input::Lost { conn, how: Disconnect::Abrupt }, node.now);
    let outputs: Vec<Output> = std::iter::from_fn(|| node.hub.poll_output()).collect();
    assert!(
        outputs.iter().any(|output| matches!(output, Output::Unwatch(room) if *room == node.room))
    );
}

#[test]
fn a_creator_hears_when_wrong_passwords_have_run_out_and_when_all_are_back() {
    let mut node = Node::new(10);
    let creator = node.open_v2(Ticket::Creator, "creator");
    let (guest, ..) = node.guest_v2("guest");
    let longer = Change { expires_at: Some(node.now + 3 * LIFE), ..Change::default() };
    node.apply(&Op::Change(longer));
    node.take(creator);
    (0..20).for_each(|_| node.guess());
    let told = node.take(creator);
    assert_eq!((told.len(), &told[0]["left"]), (1, &0.into()), "{told:?}");
    assert_eq!(
        (&told[0]["type"], &told[0]["retry_after_ms"]),
        (&"password_attempts".into(), &180_000.into())
    );
    node.wait(Duration::from_secs(30 * 60));
    assert_eq!(node.take(creator).len(), 0, "not each of them");
    node.wait(Duration::from_secs(30 * 60));
    let told = node.take(creator);
    assert_eq!(
        (told.len(), &told[0]["left"], &told[0]["retry_after_ms"]),
        (1, &20.into(), &0.into())
    );
    assert!(!node.take_types(guest).contains(&"password_attempts".to_owned()));
}

#[test]
fn whoever_comes_to_a_room_without_ids_is_told_not_to_come_back() {
    let mut node = Node::new(10);
    let ticket = node.join();
    let mut record = node.store.room(node.room).unwrap().to_record();
    let reserved = (36_u32.pow(5) - 1000).to_le_bytes();
    let at = record.windows(4).position(|bytes| bytes == reserved).unwrap();
    record[at..at + 4].copy_from_slice(&0_u32.to_le_bytes());
    node.store.withdraw(node.room);
    node.store.create(Room::from_record(&record).unwrap()).unwrap();
    let conn = node.open_v2(ticket, "guest");
    assert_eq!(node.take_types(conn), ["joined"]);
    let conn = node.open_v2(ticket, "again");
    let told = node.take(conn);
    assert_eq!((&told[0]["code"], &told[0]["retryable"]), (&"unavailable".into(), &false.into()));
    assert_eq!(node.closed(conn), Some(4503));
}

/// Until then a hub remembers what tickets have used up.
const BUDGETS_FULL_AGAIN: Duration = Duration::from_secs(60);

/// When a hub has seen that everybody reads what it is sent.
const READERS_LOOKED_AFTER: Duration = Duration::from_secs(45);
