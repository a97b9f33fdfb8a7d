//! Errors for the senders of refused messages.

use std::time::Duration;

use serde_json::json;
use signal_core::ConnId;
use signal_core::config::{HubConfig, OpeningLimit, RateLimit};
use signal_core::room::{Change, Op};

use crate::common::Node;

#[test]
fn a_refusal_names_the_addressee_and_the_request() {
    let mut node = Node::new(10);
    let (a, a_id, _) = node.guest_v2("a");
    let (b, b_id, _) = node.guest_v2("b");
    node.take(a);
    node.say(a, r#"{"type":"offer","to":"p_nobody","sdp":"x","req":"1"}"#);
    assert_eq!(node.refusal(a), ["peer_not_found", "p_nobody", "1"]);
    node.say(a, format!(r#"{{"type":"offer","to":"{b_id}","sdp":"x","neg":1}}"#));
    node.take(b);
    node.say(b, format!(r#"{{"type":"offer","to":"{a_id}","sdp":"x","neg":1,"req":"2"}}"#));
    assert_eq!(node.refusal(b), ["offer_conflict", a_id.as_str(), "2"]);
    node.say(a, format!(r#"{{"type":"offer","to":"{b_id}","req":"3"}}"#));
    let refused = node.take(a).remove(0);
    assert_eq!([&refused["code"], &refused["req"]], [&json!("invalid_message"), &json!("3")]);
    assert_eq!(refused.get("about"), None);
}

#[test]
fn whoever_sends_too_much_is_told_when_to_go_on_and_which_request_was_refused() {
    let rate = RateLimit::with(|rate| {
        rate.burst_bytes = 100;
        rate.bytes_per_second = 10;
    });
    let mut node = Node::with_config(10, HubConfig::with(|config| config.rate = rate));
    let (loud, ..) = node.guest_v2("loud");
    for _ in 0..2 {
        node.guest_v2("other");
    }
    node.take(loud);
    let message =
        |req| format!(r#"{{"type":"message","to":"room","topic":"t","data":1,"req":"{req}"}}"#);
    // Twice its length, which is more than a full bucket.
    node.say(loud, message("none"));
    assert!(node.take(loud).is_empty());
    node.say(loud, message("one"));
    let refused = node.take(loud).remove(0);
    assert_eq!([&refused["code"], &refused["req"]], [&json!("rate_limited"), &json!("one")]);
    let wait = refused["retry_after_ms"].as_u64().unwrap();
    assert_eq!(wait, 10_000, "until the bucket is full again");
    node.wait(Duration::from_millis(wait));
    node.say(loud, message("one"));
    assert!(node.take(loud).is_empty());
}

#[test]
fn the_burst_grows_with_every_other_participant() {
    let rate = RateLimit::with(|rate| {
        rate.burst_messages = 1;
        rate.burst_messages_per_peer = 2;
    });
    for (others, allowed) in [(0, 1), (1, 3), (3, 7)] {
        let mut node = Node::with_config(10, HubConfig::with(|config| config.rate = rate.clone()));
        let (loud, ..) = node.guest_v2("loud");
        for _ in 0..others {
            node.guest_v2("other");
        }
        node.take(loud);
        for _ in 0..allowed {
            node.say(loud, r#"{"type":"ping","t":1}"#);
        }
        assert!(node.take_types(loud).iter().all(|kind| kind == "pong"), "{others} others");
        node.say(loud, r#"{"type":"ping","t":1}"#);
        assert_eq!(node.take(loud)[0]["code"], "rate_limited", "{others} others");
    }
}

#[test]
fn whoever_may_not_enter_is_told_why() {
    let openings = OpeningLimit::with(|openings| openings.burst = 1);
    let mut node = Node::with_config(10, HubConfig::with(|config| config.openings = openings));
    let [early, late] = [node.join(), node.join()];
    node.open_v2(early, "early");
    let again = node.open_v2(early, "early");
    node.apply(&Op::Change(Change { locked: Some(true), ..Change::default() }));
    let late = node.open_v2(late, "late");
    let told = |node: &mut Node, conn| {
        let refused = node.take(conn).remove(0);
        ["code", "message"].map(|field| refused[field].as_str().unwrap().to_owned())
    };
    assert_eq!(told(&mut node, again), ["rate_limited", "too many attempts; try again later"]);
    assert_eq!(told(&mut node, late), ["forbidden", "the room is locked"]);
}

trait Refused {
    /// The code, addressee and request of the only message that a connection was sent.
    fn refusal(&mut self, conn: ConnId) -> [String; 3];
}

impl Refused for Node {
    fn refusal(&mut self, conn: ConnId) -> [String; 3] {
        let told = self.take(conn);
        let [refused] = &told[..] else { panic!("{told:?}") };
        ["code", "about", "req"].map(|field| refused[field].as_str().unwrap_or_default().to_owned())
    }
}
