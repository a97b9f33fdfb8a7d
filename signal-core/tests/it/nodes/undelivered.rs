//! Messages between nodes that do not arrive.

use serde_json::{Value, json};
use signal_core::hub::{Disconnect, Input, NodeBody, NodeFrame, NodeId, NodeReceiver, NodeSender};
use signal_core::message::SignalKind;
use signal_core::{ConnId, ErrorCode, ParticipantId};

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

#[test]
fn a_refusal_from_before_a_loss_of_messages_withdraws_no_later_offer() {
    for is_from_other_node in [false, true] {
        let mut nodes = Nodes::new();
        let (receiver, receiver_id) = nodes.join(1);
        let (sender, sender_id) = nodes.join(0);
        offer(&mut nodes, sender, &receiver_id);
        let (_, _, frame) = nodes.frames.remove(0);
        // At the other node nobody has the messages that were missed.
        nodes.lose(receiver, Disconnect::Abrupt);
        nodes.settle();
        let receiver = nodes.resume(0, receiver);
        nodes.settle();
        offer(&mut nodes, sender, &receiver_id);
        assert_eq!(nodes.types(receiver), ["resumed", "offer"]);
        let late = if is_from_other_node {
            Input::FromNode { from: NodeId(2), frame: refusal(frame) }
        } else {
            Input::Undelivered { frame }
        };
        nodes.input(0, late);
        offer(&mut nodes, receiver, &sender_id);
        assert_eq!(nodes.take(receiver)[0]["code"], "offer_conflict");
    }
}

fn offer(nodes: &mut Nodes, from: ConnId, to: &ParticipantId) {
    nodes.say(from, format!(r#"{{"type":"offer","to":"{to}","sdp":"x","neg":1}}"#));
}

/// What the node of the receiver answers.
fn refusal(frame: NodeFrame) -> NodeFrame {
    let (from, to) = (frame.to.seat().unwrap(), frame.from.seat().unwrap());
    let body =
        NodeBody::Refused { code: ErrorCode::PeerUnreachable, kind: Some(SignalKind::Offer) };
    NodeFrame { from: NodeSender::Seat(from), to: NodeReceiver::Seat(to), body, ..frame }
}
