//! Limits belong to the ticket and not to its sockets.

use std::time::Duration;

use serde_json::{Value, json};
use signal_core::ConnId;
use signal_core::config::{HubConfig, RateLimit};
use signal_core::room::Ticket;

use crate::common::Node;

#[derive(Clone, Copy, Debug)]
enum Way {
    AttachAgain,
    LeaveFirst,
    Resume,
}

const WAYS: [Way; 3] = [Way::AttachAgain, Way::LeaveFirst, Way::Resume];

/// A v2 guest that can come back in each way.
struct Guest {
    ticket: Ticket,
    conn: ConnId,
    token: String,
}

impl Guest {
    fn enter(node: &mut Node) -> Self {
        let ticket = node.join();
        let mut guest = Self { ticket, conn: ConnId(0), token: String::new() };
        guest.attach(node);
        guest
    }

    fn attach(&mut self, node: &mut Node) {
        self.conn = node.open_v2(self.ticket, "guest");
        self.read_token(node);
    }

    fn come_back(&mut self, way: Way, node: &mut Node) {
        match way {
            Way::AttachAgain => self.attach(node),
            Way::LeaveFirst => {
                node.say(self.conn, r#"{"type":"leave"}"#);
                self.attach(node);
            }
            Way::Resume => {
                node.lose(self.conn);
                self.conn = node.resume(&self.token, 1);
                self.read_token(node);
            }
        }
    }

    fn read_token(&mut self, node: &mut Node) {
        let token = node.take(self.conn).swap_remove(0)["resume_token"].take();
        self.token = token.as_str().unwrap().to_owned();
    }
}

fn five_messages() -> HubConfig {
    let rate = RateLimit::with(|rate| {
        rate.burst_messages = 5;
        rate.burst_messages_per_peer = 0;
        rate.messages_per_second = 1;
    });
    HubConfig::with(|config| config.rate = rate)
}

fn ping(node: &mut Node, conn: ConnId) -> Value {
    node.take(conn);
    node.say(conn, r#"{"type":"ping"}"#);
    node.take(conn).pop().unwrap()
}

#[test]
fn a_newer_socket_goes_on_with_what_the_older_one_has_left() {
    for way in WAYS {
        let mut node = Node::with_config(10, five_messages());
        let (_, creator_id) = node.creator();
        let mut guest = Guest::enter(&mut node);
        let spent = if matches!(way, Way::LeaveFirst) { 4 } else { 5 };
        for _ in 0..spent {
            node.signal(guest.conn, "candidate", creator_id, "x");
        }
        guest.come_back(way, &mut node);
        assert_eq!(ping(&mut node, guest.conn)["code"], "rate_limited", "{way:?}");
        node.wait(Duration::from_secs(1));
        assert_eq!(ping(&mut node, guest.conn)["type"], "pong", "{way:?}");
        assert!(node.take(guest.conn).is_empty());
    }
}

#[test]
fn a_budget_outlives_the_room_on_its_node_until_it_is_full_again() {
    let mut node = Node::with_config(10, five_messages());
    let mut guest = Guest::enter(&mut node);
    for _ in 0..4 {
        assert_eq!(ping(&mut node, guest.conn)["type"], "pong");
    }
    guest.come_back(Way::LeaveFirst, &mut node);
    assert_eq!(ping(&mut node, guest.conn)["code"], "rate_limited");
    node.say(guest.conn, r#"{"type":"leave"}"#);
    node.wait(Duration::from_secs(1));
    node.say(guest.conn, r#"{"type":"leave"}"#);
    node.lose(guest.conn);
    assert!(node.hub.is_idle(), "what is left of a budget keeps nobody from stopping");
    node.wait(Duration::from_secs(60));
    assert_eq!(node.hub.poll_timeout(), None, "a full budget is forgotten");
}

#[test]
fn bad_messages_are_counted_over_all_sockets_of_a_ticket() {
    for way in WAYS {
        let mut node = Node::new(10);
        let (creator, _) = node.creator();
        let mut guest = Guest::enter(&mut node);
        for _ in 0..59 {
            node.say(guest.conn, "not json");
        }
        guest.come_back(way, &mut node);
        node.say(guest.conn, "not json");
        assert_eq!((node.closed(guest.conn), node.closed(creator)), (Some(4501), None), "{way:?}");
    }
}

#[test]
fn whoever_stays_over_its_rate_is_closed_in_the_end_though_it_changes_sockets() {
    let mut node = Node::with_config(10, five_messages());
    node.creator();
    let mut guest = Guest::enter(&mut node);
    for second in 0..31 {
        if second % 5 == 4 {
            guest.come_back(Way::Resume, &mut node);
        }
        for _ in 0..20 {
            node.say(guest.conn, r#"{"type":"ping"}"#);
        }
        let is_over = second == 30;
        assert_eq!(node.closed(guest.conn), is_over.then_some(4513), "second {second}");
        node.wait(Duration::from_secs(1));
    }
}

#[test]
fn ten_sockets_at_once_and_then_one_in_three_seconds() {
    for way in [Way::AttachAgain, Way::Resume] {
        let mut node = Node::new(10);
        let (creator, _) = node.creator();
        let mut guest = Guest::enter(&mut node);
        for _ in 1..10 {
            guest.come_back(way, &mut node);
        }
        node.take(creator);
        let before = node.store.room(node.room).unwrap().version();
        let refused = match way {
            Way::AttachAgain | Way::LeaveFirst => node.open_v2(guest.ticket, "guest"),
            Way::Resume => node.resume(&guest.token, 1),
        };
        let told = node.take(refused);
        assert_eq!(
            told.iter().map(|told| [&told["code"], &told["retry_after_ms"]]).collect::<Vec<_>>(),
            [[&json!("rate_limited"), &json!(3000)]],
            "{way:?}"
        );
        assert_eq!(node.closed(refused), Some(4001));
        assert_eq!(node.closed(guest.conn), None, "the older socket stays");
        assert_eq!(node.store.room(node.room).unwrap().version(), before, "nothing is written");
        assert!(node.take(creator).is_empty(), "nobody is told");
        node.wait(Duration::from_secs(3));
        guest.come_back(way, &mut node);
        assert_eq!(node.closed(guest.conn), None);
    }
}

#[test]
fn sockets_of_a_guest_that_is_alone_are_counted_too() {
    let mut node = Node::new(10);
    let ticket = node.join();
    for _ in 0..10 {
        let conn = node.open(ticket, "guest");
        node.say(conn, r#"{"type":"leave"}"#);
        assert_eq!(node.closed(conn), Some(1000));
    }
    let refused = node.open(ticket, "guest");
    assert_eq!(node.take(refused)[0]["code"], "rate_limited");
    assert_eq!(node.closed(refused), Some(4001));
    let other = node.join();
    let conn = node.open(other, "other");
    assert_eq!(node.closed(conn), None, "others are not concerned");
}

#[test]
fn the_longest_message_to_the_largest_room_passes_when_its_sender_was_told_it_would() {
    let mut node = Node::new(50);
    let sender = Guest::enter(&mut node).conn;
    let others: Vec<ConnId> = (0..47).map(|_| node.guest("other").0).collect();
    let (reader, ..) = node.guest_v2("reader");
    let data = "x".repeat(HubConfig::default().max_data_bytes - 2);
    let message = format!(r#"{{"type":"message","to":"room","topic":"t","data":"{data}"}}"#);
    for conn in others.iter().chain([&sender, &reader]) {
        node.take(*conn);
    }
    node.wait(Duration::from_secs(60));
    node.say(sender, message.clone());
    assert_eq!(node.take_types(reader), ["message"]);
    node.say(sender, message.clone());
    let refused = node.take(sender).remove(0);
    assert_eq!(refused["code"], "rate_limited");
    let wait = refused["retry_after_ms"].as_u64().unwrap();
    node.wait(Duration::from_millis(wait - 1));
    node.say(sender, message.clone());
    assert_eq!(node.take_types(reader), [""; 0], "a millisecond early");
    node.wait(Duration::from_millis(1));
    node.say(sender, message);
    assert_eq!(node.take_types(reader), ["message"]);
}
