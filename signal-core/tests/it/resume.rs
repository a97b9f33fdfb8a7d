//! The messages of a v2 participant that resumes after its socket was lost.

use std::time::Duration;

use serde_json::{Value, json};
use signal_core::ParticipantId;
use signal_core::config::{HubConfig, ReplayLimit};
use signal_core::hub::{Disconnect, Input};
use signal_core::room::Op;

use crate::common::{self, Node};

const GRACE: Duration = Duration::from_secs(30);

#[test]
fn what_was_missed_is_replayed_and_nobody_is_told_that_anybody_left() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (lost, id, token) = node.guest_v2("guest");
    node.take(creator);
    node.signal(creator, "offer", id, "seen");
    node.take(lost);
    node.lose(lost);
    node.signal(creator, "candidate", id, "missed 1");
    node.signal(creator, "candidate", id, "missed 2");
    node.say(creator, r#"{"type":"shout"}"#);
    let back = node.resume(&token, 2);
    let told = node.take(back);
    assert_eq!(told[0]["type"], "resumed");
    assert_eq!(
        [&told[0]["seq"], &told[0]["replayed"], &told[0]["received"]],
        [&json!(4), &json!(2), &json!(0)]
    );
    assert_eq!(told[1]["candidate"], "missed 1");
    assert_eq!(told[2]["candidate"], "missed 2");
    assert_eq!(told.len(), 3);
    node.signal(creator, "candidate", id, "live");
    assert_eq!(node.take(back)[0]["candidate"], "live");
    // The pair has not been forgotten: its offer is still to be answered.
    node.signal(back, "answer", creator_id, "answer");
    assert_eq!(node.take_types(creator), ["error", "answer"]);
}

#[test]
fn the_server_tells_how_many_messages_it_has_taken() {
    let mut node = Node::new(10);
    let (_, creator_id) = node.creator();
    let (lost, _, token) = node.guest_v2("guest");
    node.signal(lost, "offer", creator_id, "1");
    node.say(lost, "not json");
    node.signal(lost, "candidate", creator_id, "3");
    node.lose(lost);
    let back = node.resume(&token, 2);
    assert_eq!(node.take(back)[0]["received"], 3);
}

#[test]
fn v2_peers_see_it_come_and_go_and_v1_peers_see_nothing() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    let (new, ..) = node.guest_v2("new");
    let (lost, id, token) = node.guest_v2("lost");
    node.take(old);
    node.take(new);
    node.lose(lost);
    assert_eq!(node.take(new), [update(&id, &json!({"connected": false}))]);
    let back = node.resume(&token, 1);
    node.take(back);
    assert_eq!(node.take(new), [update(&id, &json!({"connected": true}))]);
    assert!(node.take(old).is_empty());
}

#[test]
fn whoever_does_not_come_back_in_time_is_lost() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    let (new, ..) = node.guest_v2("new");
    let (lost, id, token) = node.guest_v2("lost");
    node.lose(lost);
    node.wait(GRACE - Duration::from_millis(1));
    node.take(old);
    node.take(new);
    node.wait(Duration::from_millis(1));
    assert_eq!(node.take(old), [json!({"type": "peer_left", "participant_id": id.as_str()})]);
    assert_eq!(
        node.take(new),
        [json!({"type": "peer_left", "participant_id": id.as_str(), "reason": "lost"})]
    );
    let late = node.resume(&token, 1);
    assert_eq!(node.take(late)[0]["code"], "resume_failed");
    assert_eq!(node.closed(late), Some(4510));
}

#[test]
fn a_close_frame_is_a_leave_and_leaves_nothing_to_resume() {
    let mut node = Node::new(10);
    let (new, ..) = node.guest_v2("new");
    let (gone, id, token) = node.guest_v2("gone");
    node.take(new);
    node.input(Input::Lost { conn: gone, how: Disconnect::Clean });
    assert_eq!(
        node.take(new),
        [json!({"type": "peer_left", "participant_id": id.as_str(), "reason": "left"})]
    );
    let late = node.resume(&token, 1);
    assert_eq!(node.closed(late), Some(4510));
}

#[test]
fn a_token_works_once_and_the_one_before_gets_a_snapshot_until_the_newer_is_used() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (lost, id, first) = node.guest_v2("guest");
    node.take(creator);
    node.lose(lost);
    let back = node.resume(&first, 1);
    let second = node.take(back)[0]["resume_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    node.lose(back);
    let again = node.resume(&first, 1);
    let told = node.take(again);
    assert_eq!([&told[0]["replayed"], &told[0]["received"]], [&Value::Null, &Value::Null]);
    assert_eq!(told[0]["participant_id"], id.as_str());
    assert_eq!(told[0]["participants"][0]["id"], creator_id.as_str());
    let third = told[0]["resume_token"].as_str().unwrap().to_owned();
    node.lose(again);
    let used = node.resume(&third, told[0]["seq"].as_u64().unwrap());
    assert_eq!(node.take(used)[0]["replayed"], 0);
    node.lose(used);
    let void = node.resume(&first, 1);
    assert_eq!(node.closed(void), Some(4510));
}

#[test]
fn where_the_replay_is_too_short_pairs_are_void_and_v2_peers_are_told() {
    let replay = ReplayLimit::with(|replay| replay.messages = 2);
    let mut node = Node::with_config(10, HubConfig::with(|config| config.replay = replay));
    let (peer, peer_id, _) = node.guest_v2("peer");
    let (lost, id, token) = node.guest_v2("lost");
    node.signal(lost, "offer", peer_id, "never answered");
    node.take(peer);
    node.lose(lost);
    for _ in 0..3 {
        node.signal(peer, "candidate", id, "missed");
    }
    node.take(peer);
    let back = node.resume(&token, 1);
    let told = node.take(back);
    assert_eq!((told.len(), &told[0]["replayed"]), (1, &Value::Null));
    assert_eq!(node.take(peer), [update(&id, &json!({"connected": true, "lossy": true}))]);
    // The offer that was outstanding refuses nobody.
    node.signal(peer, "offer", id, "anew");
    assert_eq!(node.take_types(back), ["offer"]);
    assert!(node.take(peer).is_empty());
}

#[test]
fn messages_are_counted_on_from_a_snapshot() {
    let replay = ReplayLimit::with(|replay| replay.messages = 1);
    let mut node = Node::with_config(10, HubConfig::with(|config| config.replay = replay));
    let (creator, _) = node.creator();
    let (lost, id, token) = node.guest_v2("lost");
    node.lose(lost);
    node.signal(creator, "candidate", id, "missed");
    node.signal(creator, "candidate", id, "missed");
    let back = node.resume(&token, 1);
    let snapshot = node.take(back).remove(0);
    let seq = snapshot["seq"].as_u64().unwrap();
    node.signal(creator, "candidate", id, "received");
    node.take(back);
    node.lose(back);
    node.signal(creator, "candidate", id, "missed again");
    let again = node.resume(snapshot["resume_token"].as_str().unwrap(), seq + 1);
    let told = node.take(again);
    assert_eq!((told.len(), &told[1]["candidate"]), (2, &json!("missed again")));
}

#[test]
fn what_is_too_old_for_a_replay_is_forgotten() {
    let unsent_patience = Duration::from_secs(1000);
    let mut node =
        Node::with_config(10, HubConfig::with(|config| config.unsent_patience = unsent_patience));
    let (_, _, _) = node.guest_v2("guest");
    let age = ReplayLimit::default().age;
    assert_eq!(node.hub.poll_timeout(), Some(node.now + age));
    let room_ends = node.now + common::LIFE;
    // Nor is something forgotten that was kept later.
    let pause = Duration::from_secs(10);
    node.wait(pause);
    node.guest("newcomer");
    node.wait(age - pause);
    assert_eq!(node.hub.poll_timeout(), Some(node.now + pause));
    node.wait(pause);
    node.wait(unsent_patience);
    assert_eq!(node.hub.poll_timeout(), Some(room_ends));
}

#[test]
fn a_resume_takes_over_from_a_socket_that_is_still_open() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (older, id, token) = node.guest_v2("guest");
    node.take(creator);
    let newer = node.resume(&token, 1);
    assert_eq!((node.closed(older), node.closed(newer)), (Some(4509), None));
    node.signal(older, "offer", creator_id, "too late");
    node.lose(older);
    assert!(node.take(creator).is_empty());
    node.take(newer);
    node.signal(creator, "offer", id, "x");
    assert_eq!(node.take_types(newer), ["offer"]);
}

#[test]
fn leaving_and_being_put_out_void_the_token() {
    let mut node = Node::new(10);
    let (leaver, _, left) = node.guest_v2("leaver");
    node.say(leaver, r#"{"type":"leave"}"#);
    let (kicked, id, thrown) = node.guest_v2("kicked");
    node.apply(&Op::Kick { participant: id, rotate: None });
    assert_eq!(node.take_types(kicked), ["kicked"]);
    assert_eq!(node.closed(kicked), Some(4511));
    for token in [left, thrown] {
        let late = node.resume(&token, 1);
        assert_eq!(node.closed(late), Some(4510));
    }
}

#[test]
fn the_end_of_the_room_wins_over_the_grace() {
    let mut node = Node::new(10);
    let (lost, _, token) = node.guest_v2("guest");
    node.wait(common::LIFE - Duration::from_secs(1));
    node.lose(lost);
    node.wait(Duration::from_secs(1));
    let late = node.resume(&token, 1);
    assert_eq!(node.take(late)[0]["code"], "room_expired");
    assert_eq!(node.closed(late), Some(4503));
}

#[test]
fn a_slow_reader_may_come_back() {
    let config = HubConfig::with(|config| config.max_unsent_bytes = 2000);
    let mut node = Node::with_config(10, config);
    let (creator, _) = node.creator();
    let (slow, id, token) = node.guest_v2("slow");
    let received = 1;
    node.stop_reading(slow);
    for _ in 0..4 {
        node.signal(creator, "candidate", id, &"x".repeat(500));
    }
    assert_eq!(node.closed(slow), Some(4008));
    let received = received + node.take(slow).len() as u64;
    let back = node.resume(&token, received);
    assert_eq!(node.take_types(back), ["resumed", "candidate"], "what did not fit follows");
    assert_eq!(node.closed(back), None);
}

fn update(id: &ParticipantId, update: &Value) -> Value {
    let mut message = json!({"type": "peer_updated", "participant_id": id.as_str()});
    message.as_object_mut().unwrap().extend(update.as_object().unwrap().clone());
    message
}
