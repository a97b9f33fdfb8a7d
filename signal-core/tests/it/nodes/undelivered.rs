//! Messages between nodes that do not arrive.

use serde_json::{Value, json};
use signal_core::hub::{Disconnect, Input};

use super::support::Nodes;

#[test]
fn a_message_to_everybody_that_does_not_reach_a_node_is_told_to_its_sender() {
    let mut nodes = Nodes::new();
    let (sender, _) = nodes.join(0);
    let (receiver, _) = nodes.join(1);
    nodes.take(sender);
    nodes.say(sender, r#"{"type":"message","to":"room","topic":"t","data":1,"req":"7"}"#);
    for (_, _, frame) in std::mem::take(&mut nodes.frames) {
        nodes.input(0, Input::Undelivered { frame });
    }
    let error = nodes.take(sender).remove(0);
    assert_eq!(
        [&error["code"], &error["about"], &error["req"]],
        [&json!("peer_unreachable"), &Value::Null, &json!("7")]
    );
    assert!(nodes.take(receiver).is_empty());
}

#[test]
fn a_message_to_one_that_does_not_reach_a_node_is_told_with_its_addressee() {
    let mut nodes = Nodes::new();
    let (sender, _) = nodes.join(0);
    let (_, to) = nodes.join(1);
    nodes.take(sender);
    nodes.say(sender, format!(r#"{{"type":"candidate","to":"{to}","candidate":"1","req":"7"}}"#));
    for (_, _, frame) in std::mem::take(&mut nodes.frames) {
        nodes.input(0, Input::Undelivered { frame });
    }
    let error = nodes.take(sender).remove(0);
    assert_eq!(
        [&error["code"], &error["about"], &error["req"]],
        [&json!("peer_unreachable"), &json!(to.as_str()), &json!("7")]
    );
    assert_eq!(error["retryable"], true, "the node may be back: {error}");
}

#[test]
fn whoever_has_left_cannot_be_reached_even_before_the_store_knows() {
    for (gone, sender) in [(1, 1), (1, 0)] {
        let mut nodes = Nodes::new();
        let (sender, _) = nodes.join(sender);
        // Somebody stays at that node, so that it knows the room.
        nodes.join(gone);
        let (leaver, to) = nodes.join(gone);
        nodes.take(sender);
        nodes.lose(leaver, Disconnect::Clean);
        nodes.say(sender, format!(r#"{{"type":"offer","to":"{to}","sdp":"x","neg":1}}"#));
        nodes.pass();
        nodes.pass();
        let error = nodes.take(sender).remove(0);
        assert_eq!(
            [&error["code"], &error["about"]],
            [&json!("peer_unreachable"), &json!(to.as_str())]
        );
    }
}
