//! What v2 adds: application messages, updates and pings, and their limits.

use std::time::Duration;

use serde_json::json;
use signal_core::config::{HubConfig, RateLimit};
use signal_core::room::{Change, Op};

use crate::common::{self, Node};

#[test]
fn a_message_reaches_one_or_everybody_who_speaks_v2() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    let (a, a_id, _) = node.guest_v2("a");
    let (b, b_id, _) = node.guest_v2("b");
    let (c, ..) = node.guest_v2("c");
    for conn in [old, a, b] {
        node.take(conn);
    }
    node.say(a, format!(r#"{{"type":"message","to":"{b_id}","topic":"t","data":{{"n": 1}}}}"#));
    let expected =
        json!({"type": "message", "from": a_id.as_str(), "topic": "t", "data": {"n": 1}});
    assert_eq!(node.take(b), std::slice::from_ref(&expected));
    node.say(a, r#"{"type":"message","to":"room","topic":"t","data":{"n": 1}}"#);
    assert_eq!([node.take(b), node.take(c)], [[expected.clone()], [expected]]);
    assert!(node.take(a).is_empty() && node.take(old).is_empty());
}

#[test]
fn a_message_to_somebody_who_speaks_v1_is_not_worth_a_second_try() {
    let mut node = Node::new(10);
    let (_, old_id) = node.creator();
    let (a, ..) = node.guest_v2("a");
    node.take(a);
    node.say(a, format!(r#"{{"type":"message","to":"{old_id}","topic":"t","data":1,"req":"7"}}"#));
    let error = &node.take(a)[0];
    assert_eq!(
        [&error["code"], &error["about"], &error["retryable"], &error["req"]],
        [&json!("peer_unreachable"), &json!(old_id.as_str()), &json!(false), &json!("7")]
    );
    assert_eq!(error.get("retry_after_ms"), None, "{error}");
}

#[test]
fn an_update_is_seen_by_the_others_and_by_whoever_comes_later() {
    let mut node = Node::new(10);
    let (a, a_id, _) = node.guest_v2("a");
    let (b, ..) = node.guest_v2("b");
    node.take(a);
    node.say(a, r#"{"type":"update","name":"  new  name ","state":{"muted": true}}"#);
    let update = json!({
        "type": "peer_updated",
        "participant_id": a_id.as_str(),
        "name": "new name",
        "state": {"muted": true},
    });
    assert_eq!(node.take(b), [update]);
    assert!(node.take(a).is_empty());
    let ticket = node.join();
    let c = node.open_v2(ticket, "c");
    let joined = &node.take(c)[0];
    assert_eq!(joined["participants"][0]["name"], "new name");
    assert_eq!(joined["participants"][0]["state"], json!({"muted": true}));
}

#[test]
fn pings_and_requests_for_ice_servers_are_answered_with_their_number() {
    let mut node = Node::new(10);
    let (a, ..) = node.guest_v2("a");
    node.say(a, r#"{"type":"ping","t":17,"req":"one"}"#);
    let pong = &node.take(a)[0];
    assert_eq!(
        [&pong["type"], &pong["t"], &pong["req"]],
        [&json!("pong"), &json!(17), &json!("one")]
    );
    node.say(a, r#"{"type":"get_ice_servers","req":"two"}"#);
    let ice = &node.take(a)[0];
    assert_eq!(
        [&ice["type"], &ice["ice_servers"], &ice["req"]],
        [&json!("ice_servers"), &json!(["ice"]), &json!("two")]
    );
}

#[test]
fn whoever_speaks_v1_cannot_send_what_v2_adds() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    for frame in
        [r#"{"type":"ping","t":1}"#, r#"{"type":"message","to":"room","topic":"t","data":1}"#]
    {
        node.say(old, frame);
        assert_eq!(node.take(old)[0]["code"], "unknown_type");
    }
}

#[test]
fn a_changed_room_is_told_to_those_who_speak_v2_and_an_extension_brings_ice_servers() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    let (new, ..) = node.guest_v2("new");
    node.take(old);
    let expires_at = Some(node.now + common::LIFE + Duration::from_secs(60));
    node.apply(&Op::Change(Change { locked: Some(true), expires_at, ..Change::default() }));
    let told = node.take(new);
    assert_eq!(
        (&told[0]["type"], &told[0]["room"]["locked"]),
        (&json!("room_updated"), &json!(true))
    );
    assert_eq!(told[1]["type"], "ice_servers");
    assert!(node.take(old).is_empty());
}

#[test]
fn too_much_data_is_refused() {
    let mut node = Node::with_config(
        10,
        HubConfig::with(|config| {
            config.max_data_bytes = 10;
            config.max_state_bytes = 10;
        }),
    );
    let (a, ..) = node.guest_v2("a");
    for frame in [
        r#"{"type":"message","to":"room","topic":"t","data":"123456789"}"#,
        r#"{"type":"update","state":"123456789"}"#,
    ] {
        node.say(a, frame);
        assert_eq!(node.take(a)[0]["code"], "message_too_large");
    }
}

#[test]
fn whoever_sends_too_much_is_told_once_a_second_and_closed_in_the_end() {
    let rate = RateLimit::with(|rate| {
        rate.burst_messages = 2;
        rate.burst_messages_per_peer = 0;
    });
    let mut node = Node::with_config(10, HubConfig::with(|config| config.rate = rate));
    let (other, other_id) = node.creator();
    let (loud, ..) = node.guest_v2("loud");
    node.take(other);
    for _ in 0..10 {
        node.signal(loud, "candidate", other_id, "x");
    }
    assert_eq!(node.take(other).len(), 2);
    assert_eq!(
        (node.over_rate(loud), node.over_rate(other)),
        (8, 0),
        "each is told to the host to count"
    );
    let told = node.take(loud);
    assert_eq!(
        (told.len(), &told[0]["code"], &told[0]["retryable"]),
        (1, &json!("rate_limited"), &json!(true))
    );
    for _ in 0..31 {
        node.wait(Duration::from_secs(1));
        for _ in 0..100 {
            node.signal(loud, "candidate", other_id, "x");
        }
    }
    assert_eq!((node.closed(loud), node.closed(other)), (Some(4513), None));
    assert_eq!(node.take_types(other).last().unwrap(), "peer_left");
}

#[test]
fn a_message_to_everybody_is_charged_for_each_receiver() {
    let rate = RateLimit::with(|rate| rate.burst_bytes = 1000);
    let mut node = Node::with_config(10, HubConfig::with(|config| config.rate = rate));
    let (loud, ..) = node.guest_v2("loud");
    let others: Vec<_> = (0..4).map(|_| node.guest_v2("other").0).collect();
    node.take(loud);
    let frame =
        format!(r#"{{"type":"message","to":"room","topic":"t","data":"{}"}}"#, "x".repeat(300));
    // Four times its length is more than a full bucket, and charged as one.
    node.say(loud, frame);
    assert!(node.take_types(others[0]).contains(&"message".to_owned()));
    node.say(loud, r#"{"type":"ping","t":1}"#);
    assert_eq!(node.take(loud)[0]["code"], "rate_limited");
    assert!(node.take_types(others[0]).is_empty());
}

#[test]
fn too_many_bad_messages_within_a_minute_close_the_connection() {
    let mut node = Node::new(10);
    let (good, _) = node.creator();
    let (bad, _) = node.guest("bad");
    for n in 0..59 {
        node.say(bad, "not json");
        assert_eq!(node.closed(bad), None, "{n}");
    }
    node.wait(Duration::from_secs(60));
    for _ in 0..59 {
        node.say(bad, "not json");
    }
    assert_eq!(node.closed(bad), None);
    node.say(bad, "not json");
    assert_eq!((node.closed(bad), node.closed(good)), (Some(4501), None));
}
