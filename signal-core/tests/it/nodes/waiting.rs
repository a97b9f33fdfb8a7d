//! Messages that wait for the `joined` of their addressee.

use bytes::Bytes;
use serde_json::json;
use signal_core::config::HubConfig;
use signal_core::hub::{Disconnect, NodeFrame};

use super::support::Nodes;

#[test]
fn a_message_to_everybody_reaches_those_who_are_still_to_be_welcomed() {
    let mut nodes = Nodes::new();
    let (near, _) = nodes.join(1);
    let (far, _) = nodes.join(0);
    nodes.take(near);
    let newcomer = nodes.open(1);
    // The others learn of the newcomer before it is welcomed.
    let answers = nodes.apply();
    nodes.say(near, r#"{"type":"message","to":"room","topic":"t","data":"near"}"#);
    nodes.say(far, r#"{"type":"message","to":"room","topic":"t","data":"far"}"#);
    nodes.pass();
    assert_eq!(nodes.types(near), ["peer_joined", "message"]);
    assert!(nodes.types(newcomer).is_empty());
    nodes.answer(answers);
    let told = nodes.take(newcomer);
    assert_eq!(told[0]["type"], "joined");
    assert_eq!([&told[1]["data"], &told[2]["data"]], ["near", "far"]);
}

#[test]
fn nobody_else_waits_for_those_who_are_still_to_be_welcomed() {
    let mut nodes = Nodes::new();
    let (far, _) = nodes.join(0);
    let (near, near_id) = nodes.join(1);
    let newcomer = nodes.open(1);
    let answers = nodes.apply();
    let newcomer_id = nodes.newest();
    nodes.take(near);
    nodes.say(far, format!(r#"{{"type":"candidate","to":"{newcomer_id}","candidate":"1"}}"#));
    nodes.say(far, r#"{"type":"message","to":"room","topic":"t","data":2}"#);
    nodes.say(far, format!(r#"{{"type":"candidate","to":"{near_id}","candidate":"3"}}"#));
    nodes.pass();
    assert_eq!(nodes.types(near), ["message", "candidate"]);
    nodes.answer(answers);
    assert_eq!(nodes.types(newcomer), ["joined", "candidate", "message"]);
}

#[test]
fn a_message_to_one_who_is_still_to_be_welcomed_comes_after_the_welcome() {
    for sender in [0, 1] {
        let mut nodes = Nodes::new();
        let (sender, _) = nodes.join(sender);
        let newcomer = nodes.open(1);
        let answers = nodes.apply();
        let to = nodes.newest();
        nodes.say(sender, format!(r#"{{"type":"message","to":"{to}","topic":"t","data":1}}"#));
        nodes.pass();
        assert!(nodes.types(newcomer).is_empty());
        nodes.answer(answers);
        assert_eq!(nodes.types(newcomer), ["joined", "message"]);
    }
}

#[test]
fn what_a_lost_connection_has_sent_does_not_wait_for_the_store() {
    let mut nodes = Nodes::new();
    let conn = nodes.open(0);
    let frame = Bytes::from(r#"{"type":"offer","to":"p_nobody","sdp":"x","neg":1}"#.to_owned());
    nodes.say(conn, frame.clone());
    assert!(!frame.is_unique(), "it waits for the seat");
    nodes.lose(conn, Disconnect::Abrupt);
    assert!(frame.is_unique());
}

/// Each message counts with its payload and what it takes to keep it.
#[test]
fn as_many_bytes_wait_as_are_allowed_and_the_rest_is_refused() {
    let offer = r#""type":"offer","sdp":"12345678","neg":1,"tracks":[{}]"#;
    for (message, payload) in [
        (r#""type":"candidate","candidate":"12345678""#, 10),
        (offer, 14),
        (r#""type":"message","topic":"t","data":"12345678""#, 10),
    ] {
        let max_held_bytes = 3 * (size_of::<NodeFrame>() + payload);
        for (most, waiting) in [(max_held_bytes, 3), (max_held_bytes - 1, 2)] {
            let mut nodes =
                Nodes::with_config(&HubConfig::with(|config| config.max_held_bytes = most));
            let (sender, _) = nodes.join(0);
            let newcomer = nodes.open(1);
            let answers = nodes.apply();
            let to = nodes.newest();
            nodes.take(sender);
            for _ in 0..4 {
                nodes.say(sender, format!(r#"{{"to":"{to}",{message}}}"#));
            }
            nodes.pass();
            nodes.pass();
            let refused: Vec<_> =
                nodes.take(sender).iter().map(|told| told["code"].clone()).collect();
            assert_eq!(refused, vec![json!("peer_unreachable"); 4 - waiting], "{message}");
            nodes.answer(answers);
            assert_eq!(nodes.take(newcomer).len(), 1 + waiting, "{message}");
        }
    }
}
