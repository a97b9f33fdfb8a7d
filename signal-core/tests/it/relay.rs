//! Which messages are passed on between participants.

use bytes::Bytes;
use serde_json::json;
use signal_core::config::HubConfig;
use signal_core::hub::Input;

use crate::common::Node;

#[test]
fn the_sender_is_the_servers_word_and_the_rest_arrives_byte_for_byte() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (guest, guest_id) = node.guest("guest");
    node.take(creator);
    let candidate = r#"{"candidate":"candidate:1 1 udp 2 10.0.0.1 9 typ host", "sdpMid" : "0"}"#;
    node.say(
        guest,
        format!(
            r#"{{"type":"candidate","to":"{creator_id}","from":"p_liar","candidate":{candidate}}}"#
        ),
    );
    let expected = format!(r#"{{"type":"candidate","from":"{guest_id}","candidate":{candidate}}}"#);
    assert_eq!(node.take_frames(creator), [expected]);
}

#[test]
fn messages_between_two_participants_keep_their_order() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (guest, _) = node.guest("guest");
    node.take(creator);
    node.signal(guest, "offer", creator_id, "offer");
    for n in 0..20 {
        node.signal(guest, "candidate", creator_id, &n.to_string());
    }
    let told = node.take(creator);
    assert_eq!(told[0]["type"], "offer");
    let candidates: Vec<_> = told[1..].iter().map(|message| message["candidate"].clone()).collect();
    assert_eq!(candidates, (0..20).map(|n| json!(n.to_string())).collect::<Vec<_>>());
}

#[test]
fn what_a_participant_does_wrong_comes_back_to_it_and_its_connection_lives() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    let (guest, guest_id) = node.guest("guest");
    node.take(creator);
    let long =
        format!(r#"{{"type":"offer","to":"{creator_id}","sdp":"{}"}}"#, "x".repeat(64 * 1024));
    let wrong = [
        ("not json".to_owned(), "invalid_message"),
        (format!(r#"{{"type":"offer","to":"{creator_id}"}}"#), "invalid_message"),
        (r#"{"type":"shout"}"#.to_owned(), "unknown_type"),
        (long, "message_too_large"),
        (r#"{"type":"offer","to":"p_nobody","sdp":"x"}"#.to_owned(), "peer_not_found"),
        (r#"{"type":"offer","to":"not an id","sdp":"x"}"#.to_owned(), "peer_not_found"),
        (format!(r#"{{"type":"offer","to":"{guest_id}","sdp":"x"}}"#), "self_target"),
    ];
    for (frame, code) in wrong {
        node.say(guest, frame);
        let told = node.take(guest);
        assert_eq!(
            (told.len(), &told[0]["type"], &told[0]["code"]),
            (1, &json!("error"), &json!(code))
        );
    }
    node.signal(guest, "offer", creator_id, "still alive");
    assert_eq!(node.take_types(creator), ["offer"]);
    assert_eq!(node.closed(guest), None);
}

#[test]
fn an_error_says_what_was_wrong() {
    let mut node = Node::new(10);
    let (guest, _) = node.guest("guest");
    node.say(guest, r#"{"type":"offer","to":"p_a"}"#);
    assert_eq!(node.take(guest)[0]["message"], "the message is malformed: missing field `sdp`");
}

#[test]
fn rooms_do_not_hear_of_each_other() {
    let mut node = Node::new(10);
    let (creator, creator_id) = node.creator();
    node.create_room(2, 10);
    let (stranger, _) = node.guest("stranger");
    // The stranger's own room has issued the creator's id too, to a creator that is not there.
    node.signal(stranger, "offer", creator_id, "x");
    assert_eq!(node.take(stranger)[0]["code"], "peer_not_found");
    assert!(node.take(creator).is_empty());
}

#[test]
fn a_connection_cannot_make_the_hub_hold_much_before_it_is_seated() {
    let mut node = Node::with_config(10, HubConfig::with(|config| config.max_held_bytes = 1000));
    let ticket = node.join();
    let open = node.open_input(ticket, "guest");
    let Input::Open { conn, .. } = open else { unreachable!() };
    node.hub.handle_input(open, node.now);
    for frame in [vec![b' '; 900].into()].into_iter().chain(vec![Bytes::new(); 100]) {
        let frame = node.frame(conn, frame);
        node.hub.handle_input(frame, node.now);
    }
    node.lose(conn);
    assert_eq!(node.closed(conn), Some(4513));
    assert!(node.store.room(node.room).unwrap().seats().is_empty());
}
