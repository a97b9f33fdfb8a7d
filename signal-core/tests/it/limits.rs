//! The limits, to the byte.

use bytes::Bytes;
use signal_core::config::HubConfig;
use signal_core::hub::{ClientFrame, Input};
use signal_core::room::Ticket;

use crate::common::Node;

#[test]
fn a_frame_may_be_as_long_as_the_limit_and_not_a_byte_longer() {
    let mut node = Node::with_config(10, HubConfig::with(|config| config.max_frame_bytes = 100));
    let (conn, ..) = node.guest_v2("a");
    let ping = format!("{:<100}", r#"{"type":"ping","t":1}"#);
    node.say(conn, ping.clone());
    assert_eq!(node.take_types(conn), ["pong"]);
    node.say(conn, ping + " ");
    assert_eq!(node.take(conn)[0]["code"], "message_too_large");
}

#[test]
fn data_and_state_may_be_as_long_as_their_limits() {
    let config = HubConfig::with(|config| {
        config.max_data_bytes = 10;
        config.max_state_bytes = 8;
    });
    let mut node = Node::with_config(10, config);
    let (sender, ..) = node.guest_v2("sender");
    let (other, ..) = node.guest_v2("other");
    node.take(sender);
    node.say(sender, r#"{"type":"message","to":"room","topic":"t","data":"12345678"}"#);
    node.say(sender, r#"{"type":"update","state":"123456"}"#);
    assert_eq!(node.take_types(other), ["message", "peer_updated"]);
    assert!(node.take(sender).is_empty());
}

#[test]
fn exactly_as_many_bytes_as_the_limit_may_wait_for_a_reader() {
    let told = bytes_for_a_silent_guest(HubConfig::default()).0;
    for (limit, code) in [(told, None), (told - 1, Some(4008))] {
        let config = HubConfig::with(|config| config.max_unsent_bytes = limit);
        assert_eq!(bytes_for_a_silent_guest(config).1, code, "{limit} of {told} bytes");
    }
}

/// How many bytes wait for a guest that never reads, and its close code.
fn bytes_for_a_silent_guest(config: HubConfig) -> (usize, Option<u16>) {
    let mut node = Node::with_config(10, config);
    let ticket = node.join();
    let open = node.open_input(ticket, "silent");
    let Input::Open { conn: guest, .. } = open else { unreachable!() };
    node.stop_reading(guest);
    node.input(open);
    let (sender, _) = node.creator();
    let Ticket::Guest(id) = ticket else { unreachable!() };
    node.signal(sender, "offer", id, "x");
    (node.take_frames(guest).iter().map(Bytes::len).sum(), node.closed(guest))
}

#[test]
fn what_is_said_before_the_seat_came_counts_by_its_length() {
    let max_held_bytes = 900 + size_of::<ClientFrame>();
    let mut node =
        Node::with_config(10, HubConfig::with(|config| config.max_held_bytes = max_held_bytes));
    let conn = node.ask();
    node.say(conn, format!("{:<900}", r#"{"type":"get_ice_servers"}"#));
    assert_eq!(node.closed(conn), None);
    node.say(conn, "");
    assert_eq!(node.closed(conn), Some(4513));
}
