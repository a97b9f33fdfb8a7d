//! Messages of the host's to participants of other nodes.

use serde_json::json;
use signal_core::hub::Input;
use signal_core::message::{HostMessage, Payload, RequestId, Topic};
use signal_core::{ErrorCode, ParticipantId};

use super::support::Nodes;

#[test]
fn the_host_speaks_through_any_node_to_everybody() {
    let mut nodes = Nodes::new();
    let (near, _) = nodes.join(0);
    let (far, _) = nodes.join(1);
    nodes.take(near);
    speak(&mut nodes, 0, None);
    nodes.pass();
    let told = json!({"type": "message", "from": "host", "topic": "t", "data": 1});
    assert_eq!([nodes.take(near), nodes.take(far)], [[told.clone()], [told]]);
}

#[test]
fn a_node_without_anybody_in_the_room_can_speak_and_is_told_what_fails() {
    let mut nodes = Nodes::new();
    let (far, to) = nodes.join(1);
    speak(&mut nodes, 0, Some(to));
    nodes.pass();
    assert_eq!(nodes.types(far), ["message"]);
    for to in [Some(to), None] {
        speak(&mut nodes, 0, to);
        for (_, _, frame) in std::mem::take(&mut nodes.frames) {
            nodes.input(0, Input::Undelivered { frame });
        }
        let (node, refusal) = nodes.refusals.remove(0);
        assert_eq!((node, refusal.participant), (0, to));
        assert_eq!(refusal.code, ErrorCode::PeerUnreachable);
        assert_eq!(refusal.req.unwrap().as_str(), "7");
    }
}

#[test]
fn a_message_of_the_hosts_waits_for_whoever_is_entering() {
    let mut nodes = Nodes::new();
    let (first, _) = nodes.join(1);
    let second = nodes.open(1);
    // Everybody sees the newcomer, which has not been told that it is in.
    let answers = nodes.apply();
    nodes.take(first);
    speak(&mut nodes, 0, None);
    nodes.pass();
    assert_eq!(nodes.types(first), ["message"]);
    assert!(nodes.take(second).is_empty());
    nodes.answer(answers);
    assert_eq!(nodes.types(second), ["joined", "message"]);
}

#[test]
fn a_message_of_the_hosts_waits_for_the_record_that_it_goes_by() {
    let mut nodes = Nodes::new();
    let (first, _) = nodes.join(0);
    let second = nodes.open(0);
    let answers: Vec<_> = std::mem::take(&mut nodes.commits)
        .into_iter()
        .map(|(node, op, change)| (node, op, nodes.store.apply(nodes.room, &change, nodes.now())))
        .collect();
    // The store has the newcomer; its node has not heard of that yet.
    let to = nodes.newest();
    nodes.take(first);
    speak(&mut nodes, 0, Some(to));
    assert!(nodes.take(second).is_empty() && nodes.refusals.is_empty());
    nodes.answer(answers);
    assert_eq!(nodes.types(second), ["joined", "message"]);
}

fn speak(nodes: &mut Nodes, node: usize, to: Option<ParticipantId>) {
    let (topic, data) = (Topic::new("t").unwrap(), Payload::new(&1).unwrap());
    let message = match to {
        Some(to) => HostMessage::to_one(to, topic, data),
        None => HostMessage::to_room(topic, data),
    };
    let message = message.req(RequestId::new("7").unwrap());
    let record = nodes.record().clone();
    nodes.input(node, Input::HostMessage { record, message });
}
