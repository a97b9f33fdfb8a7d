//! What the hub refuses to participants without the permission for it, and what it tells of
//! permissions.

use serde_json::{Value, json};
use signal_core::hub::Input;
use signal_core::room::event::RoomEventKind;
use signal_core::room::{Grant, Op, PasswordTag, RoomSpec};
use signal_core::{
    ConnId, DisplayName, Engine, EngineConfig, Entry, Event, NewConnection, ParticipantId,
    Permissions, ProtocolVersion, Randomness,
};

use crate::common::{LIFE, Node, START};

fn permissions(change: impl FnOnce(&mut Permissions)) -> Permissions {
    let mut permissions = Permissions::default();
    change(&mut permissions);
    permissions
}

fn permit(node: &mut Node, participant: ParticipantId, permissions: Permissions) {
    node.apply(&Op::SetPermissions { participant, permissions });
}

/// Opens a v2 connection with a grant, and returns what it is told first.
fn enter(node: &mut Node, grant: Grant) -> (ConnId, Value) {
    let name = DisplayName::parse("guest").unwrap().unwrap();
    let entry = Entry::Attach { grant, name, ice: None };
    let open = node.entry_input(entry, ProtocolVersion::V2);
    let Input::Open { conn, .. } = open else { unreachable!() };
    node.input(open);
    (conn, node.take(conn).remove(0))
}

#[test]
fn whoever_may_not_send_messages_is_refused_from_the_next_one_on() {
    let mut node = Node::new(10);
    let (bob, bob_id, _) = node.guest_v2("bob");
    let (carol, carol_id, _) = node.guest_v2("carol");
    node.take(bob);
    let say = |node: &mut Node, to: &str| {
        node.say(
            bob,
            format!(r#"{{"type":"message","to":"{to}","topic":"t","data":1,"req":"r"}}"#),
        );
    };
    say(&mut node, "room");
    assert_eq!(node.take_types(carol), ["message"]);
    permit(&mut node, bob_id, permissions(|none| none.message = false));
    let told = node.take(bob).remove(0);
    assert_eq!(told["permissions"]["message"], false);
    for to in ["room", "host", carol_id.as_str()] {
        say(&mut node, to);
        let refused = node.take(bob).remove(0);
        let about = if to == "room" { Value::Null } else { json!(to) };
        assert_eq!(
            (&refused["code"], &refused["req"], &refused["retryable"], &refused["about"]),
            (&json!("forbidden"), &json!("r"), &json!(false), &about)
        );
        let text = refused["message"].as_str().unwrap();
        assert!(text.contains("permission `message`"), "{text}");
    }
    assert_eq!(node.take_types(carol), [""; 0]);
    assert!(node.to_host.is_empty());
    // Everything else is passed on.
    node.signal(bob, "offer", carol_id, "v=0");
    node.say(bob, r#"{"type":"update","name":"robert"}"#);
    assert_eq!(node.take_types(carol), ["offer", "peer_updated"]);
    permit(&mut node, bob_id, Permissions::default());
    say(&mut node, "room");
    assert_eq!(node.take_types(carol), ["message"]);
}

#[test]
fn whoever_may_not_update_keeps_its_name_and_state() {
    let mut node = Node::new(10);
    let (bob, bob_id, _) = node.guest_v2("bob");
    permit(&mut node, bob_id, permissions(|none| none.update = false));
    node.take(bob);
    node.say(bob, r#"{"type":"update","name":"robert","state":1,"req":"r"}"#);
    let refused = node.take(bob).remove(0);
    assert_eq!((&refused["code"], &refused["req"]), (&json!("forbidden"), &json!("r")));
    let seat = node.store.room(node.room).unwrap().seats()[0].clone();
    assert_eq!((seat.name.as_str(), seat.state), ("bob", None));
}

#[test]
fn the_host_renames_whoever_may_not_update() {
    let mut node = Node::new(10);
    let (alice, _, _) = node.guest_v2("alice");
    let (_, bob_id, _) = node.guest_v2("bob");
    permit(&mut node, bob_id, Permissions::NONE);
    node.take(alice);
    let name = DisplayName::parse("robert").unwrap().unwrap();
    for _ in 0..2 {
        node.apply(&Op::SetName { participant: bob_id, name: name.clone() });
    }
    let told = json!({"type": "peer_updated", "participant_id": bob_id.as_str(), "name": "robert"});
    assert_eq!(node.take(alice), [told]);
}

#[test]
fn a_participant_is_told_its_permissions_and_the_others_who_may_not_publish() {
    let mut node = Node::new(10);
    let (old, _) = node.creator();
    let (bob, _, _) = node.guest_v2("bob");
    node.take(old);
    let listener = permissions(|none| none.publish = false);
    let ticket = node.join();
    let (carol, joined) = enter(&mut node, Grant::new(ticket, 0).permitted(listener));
    assert_eq!(
        joined["permissions"],
        json!({"message": true, "update": true, "publish": false, "moderate": false})
    );
    assert_eq!(node.take(bob)[0]["participant"]["publish"], false);
    let carol_id: ParticipantId = joined["participant_id"].as_str().unwrap().parse().unwrap();
    permit(&mut node, carol_id, permissions(|both| both.moderate = true));
    let told = json!({"message": true, "update": true, "publish": true, "moderate": true});
    assert_eq!(node.take(carol), [json!({"type": "permissions_updated", "permissions": told})]);
    assert_eq!(
        node.take(bob),
        [json!({"type": "peer_updated", "participant_id": carol_id.as_str(), "publish": true})]
    );
    assert_eq!(node.take_types(old), ["peer_joined"], "v1 is told nothing");
}

#[test]
fn a_snapshot_has_the_permissions_and_a_replay_the_change() {
    let mut node = Node::new(10);
    let (bob, bob_id, token) = node.guest_v2("bob");
    node.lose(bob);
    permit(&mut node, bob_id, Permissions::NONE);
    let bob = node.resume(&token, 1);
    let told = node.take(bob);
    assert_eq!(
        (&told[0]["replayed"], &told[1]["type"]),
        (&json!(1), &json!("permissions_updated"))
    );
    let token = told[0]["resume_token"].as_str().unwrap().to_owned();
    node.lose(bob);
    // It claims to have received more than was sent.
    let bob = node.resume(&token, 99);
    let told = node.take(bob).remove(0);
    assert_eq!((&told["replayed"], &told["permissions"]["message"]), (&Value::Null, &json!(false)));
}

#[test]
fn a_moderator_does_not_kick_itself() {
    let mut node = Node::new(10);
    let (_, _, _) = node.guest_v2("bob");
    let (carol, carol_id, _) = node.guest_v2("carol");
    permit(&mut node, carol_id, Permissions::ALL);
    node.take(carol);
    node.say(
        carol,
        format!(r#"{{"type":"moderate","action":"kick","participant_id":"{carol_id}","req":"r"}}"#),
    );
    let refused = node.take(carol).remove(0);
    assert_eq!((&refused["code"], &refused["req"]), (&json!("self_target"), &json!("r")));
    for wrong in [
        r#"{"type":"moderate","action":"dance"}"#,
        r#"{"type":"moderate","action":"kick"}"#,
        r#"{"type":"moderate"}"#,
    ] {
        node.say(carol, wrong);
        assert_eq!(node.take(carol)[0]["code"], "invalid_message", "{wrong}");
    }
}

#[test]
fn the_host_changes_permissions_and_there_is_an_event() {
    let mut engine = Engine::with_config(1, EngineConfig::default()).unwrap();
    let password = PasswordTag::new([7; 32]);
    let room = engine.create(RoomSpec::draw([3; 50], password, START, LIFE)).unwrap().id();
    let grant = engine.admit(room, password, None, 5, START).unwrap();
    let name = DisplayName::parse("bob").unwrap().unwrap();
    let randomness = Randomness::draw([1; 36], |_| [1; 32]);
    let opening = NewConnection::attach(room, grant, name, randomness);
    engine.handle_open(opening.protocol(ProtocolVersion::V2), START);
    let id = engine.room(room).unwrap().seats()[0].id;
    for _ in 0..2 {
        engine.set_permissions(room, id, Permissions::NONE, START).unwrap();
    }
    assert_eq!(engine.room(room).unwrap().seats()[0].permissions, Permissions::NONE);
    let changes = std::iter::from_fn(|| engine.poll_event()).filter_map(|event| match event {
        Event::Room(event) => match event.kind {
            RoomEventKind::PermissionsChanged { participant } => {
                Some((participant.id, participant.permissions))
            }
            _ => None,
        },
        _ => None,
    });
    assert_eq!(changes.collect::<Vec<_>>(), [(id, Permissions::NONE)]);
}
