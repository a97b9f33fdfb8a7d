//! Messages between the host and participants.

use serde_json::{Value, json};
use signal_core::config::HubConfig;
use signal_core::hub::Input;
use signal_core::message::{
    HostMessage, HostMessageRefusal, MessageToHost, Payload, RequestId, Topic,
};
use signal_core::room::{Change, CloseReason, Op};
use signal_core::{ErrorCode, ParticipantId};

use crate::common::Node;
use crate::slow_readers::narrow;

#[test]
fn a_message_of_the_hosts_reaches_everybody_who_speaks_v2() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    let (a, ..) = node.guest_v2("a");
    let (b, ..) = node.guest_v2("b");
    for conn in [old, a] {
        node.take(conn);
    }
    speak(&mut node, HostMessage::to_room(topic(), data("recording")));
    let told = json!({"type": "message", "from": "host", "topic": "t", "data": "recording"});
    assert_eq!([node.take(a), node.take(b)], [[told.clone()], [told]]);
    assert!(node.take(old).is_empty() && node.refusals.is_empty());
}

#[test]
fn a_message_of_the_hosts_to_one_participant_reaches_nobody_else() {
    let mut node = Node::new(10);
    let (a, a_id, _) = node.guest_v2("a");
    let (b, ..) = node.guest_v2("b");
    node.take(a);
    speak(&mut node, HostMessage::to_one(a_id, topic(), data("hello")));
    assert_eq!(node.take(a)[0]["from"], "host");
    assert!(node.take(b).is_empty());
}

#[test]
fn a_message_of_the_hosts_is_numbered_and_sent_again_after_a_resume() {
    let mut node = Node::new(10);
    let (a, _, token) = node.guest_v2("a");
    speak(&mut node, HostMessage::to_room(topic(), data(1)));
    node.take(a);
    node.lose(a);
    speak(&mut node, HostMessage::to_room(topic(), data(2)));
    // It has received `joined` alone.
    let back = node.resume(&token, 1);
    let told = node.take(back);
    assert_eq!((&told[0]["type"], &told[0]["replayed"]), (&json!("resumed"), &json!(2)));
    let heard: Vec<&Value> = told[1..].iter().map(|message| &message["data"]).collect();
    assert_eq!(heard, [&json!(1), &json!(2)]);
    assert!(node.refusals.is_empty());
}

#[test]
fn the_host_is_told_whom_it_cannot_speak_to() {
    let mut node = Node::with_config(10, HubConfig::with(|config| config.max_data_bytes = 10));
    let (_, old) = node.creator();
    let nobody: ParticipantId = "p_00000000".parse().unwrap();
    speak(&mut node, HostMessage::to_one(old, topic(), data(1)).req(req("v1")));
    speak(&mut node, HostMessage::to_one(nobody, topic(), data(1)).req(req("nobody")));
    speak(&mut node, HostMessage::to_room(topic(), data("0123456789")).req(req("long")));
    speak(&mut node, HostMessage::to_room(topic(), data(1)).req(req("to v1 alone")));
    node.apply(&Op::Close(CloseReason::ByAdmin));
    speak(&mut node, HostMessage::to_room(topic(), data(1)).req(req("over")));
    let told: Vec<_> = node.refusals.iter().map(refusal).collect();
    let expected = [
        ("v1", Some(old), ErrorCode::PeerUnreachable),
        ("nobody", Some(nobody), ErrorCode::PeerNotFound),
        ("long", None, ErrorCode::MessageTooLarge),
        ("over", None, ErrorCode::RoomClosed),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_reader_without_room_for_it_misses_a_message_of_the_hosts_and_stays() {
    let mut node = Node::with_config(20, narrow());
    let (slow, slow_id, _) = node.guest_v2("slow");
    let (quick, ..) = node.guest_v2("quick");
    node.stop_reading(slow);
    for conn in [slow, quick] {
        node.take(conn);
    }
    for number in 0..100 {
        let text = format!("{number:0400}");
        let message = match number % 2 {
            0 => HostMessage::to_room(topic(), data(text)),
            _ => HostMessage::to_one(slow_id, topic(), data(text)),
        };
        speak(&mut node, message.req(req("r")));
    }
    assert_eq!((node.closed(slow), node.closed(quick)), (None, None));
    assert_eq!(node.take(quick).len(), 50);
    let heard = node.take_frames(slow);
    let bytes: usize = heard.iter().map(|frame| frame.len()).sum();
    assert!((3000..=4000).contains(&bytes), "{bytes} bytes wait");
    assert_eq!(node.refusals.len(), 100 - heard.len());
    let missed = ("r", Some(slow_id), ErrorCode::RateLimited);
    assert!(node.refusals.iter().all(|told| refusal(told) == missed));
    // The hub's own messages still fit.
    node.apply(&Op::Change(Change { name: Some("new".into()), ..Change::default() }));
    assert_eq!(node.take_types(slow), ["room_updated"]);
    // And so does the host, when it has read.
    node.read(slow, bytes);
    speak(&mut node, HostMessage::to_one(slow_id, topic(), data(1)));
    assert_eq!(node.take_types(slow), ["message"]);
}

#[test]
fn a_message_to_the_host_is_handed_to_it_and_to_nobody_else() {
    let mut node = Node::new(10);
    let (a, a_id, _) = node.guest_v2("a");
    let (b, ..) = node.guest_v2("b");
    node.take(a);
    node.say(a, r#"{"type":"message","to":"host","topic":"t","data":{"n": 1},"req":"7"}"#);
    let message = node.to_host.remove(0);
    let MessageToHost { conn, room, participant, data, req, .. } = &message;
    assert_eq!((*conn, *room, *participant), (a, node.room, a_id));
    assert_eq!((data.as_bytes(), req.as_ref()), (&br#"{"n": 1}"#[..], Some(&self::req("7"))));
    assert!(node.take(a).is_empty() && node.take(b).is_empty());
    node.input(Input::ToHostRefused { message, code: ErrorCode::Forbidden });
    let error = &node.take(a)[0];
    assert_eq!([&error["code"], &error["about"], &error["req"]], ["forbidden", "host", "7"]);
}

#[test]
fn only_a_message_is_for_the_host_and_in_v1_there_is_none() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    let (new, ..) = node.guest_v2("new");
    node.take(old);
    node.say(old, r#"{"type":"message","to":"host","topic":"t","data":1}"#);
    assert_eq!(node.take(old)[0]["code"], "unknown_type");
    node.say(new, r#"{"type":"offer","to":"host","sdp":"v=0"}"#);
    assert_eq!(node.take(new)[0]["code"], "peer_not_found");
    assert!(node.to_host.is_empty());
}

fn speak(node: &mut Node, message: HostMessage) {
    let record = node.store.room(node.room).unwrap().clone();
    node.input(Input::HostMessage { record, message });
}

fn refusal(refusal: &HostMessageRefusal) -> (&str, Option<ParticipantId>, ErrorCode) {
    (refusal.req.as_ref().unwrap().as_str(), refusal.participant, refusal.code)
}

fn topic() -> Topic {
    Topic::new("t").unwrap()
}

fn data(value: impl serde::Serialize) -> Payload {
    Payload::new(&value).unwrap()
}

fn req(text: &str) -> RequestId {
    RequestId::new(text).unwrap()
}
