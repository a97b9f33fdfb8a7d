//! Updates of names and states, when the socket that sent them is lost, or the permission for them.

use serde_json::json;
use signal_core::Permissions;
use signal_core::hub::{Disconnect, Input};
use signal_core::room::Op;

use super::support::Nodes;

#[test]
fn the_later_of_two_updates_stays_whatever_has_to_be_repeated() {
    let mut nodes = Nodes::new();
    let (peer, _) = nodes.join(0);
    let (showing, id) = nodes.join(0);
    nodes.take(peer);
    for n in 1..=3 {
        nodes.say(showing, format!(r#"{{"type":"update","state":{n}}}"#));
    }
    // The first is on its way and gets lost; the others wait for it and become one.
    let (node, op, ..) = nodes.commits.remove(0);
    assert!(nodes.commits.is_empty());
    nodes.input(node, Input::Uncommitted { op });
    nodes.settle();
    let told: Vec<_> = nodes.take(peer).iter().map(|told| told["state"].clone()).collect();
    assert_eq!(told, [json!(1), json!(3)]);
    let shown = nodes.record().seat(id).unwrap().state.clone().unwrap();
    assert_eq!(shown.as_bytes(), b"3");
}

#[test]
fn an_update_that_came_too_late_for_its_socket_is_made_again() {
    // Each shows something that was shown before as well.
    for update in [r#""state":7"#, r#""name":"other""#, r#""name":"guest","state":7"#] {
        let mut nodes = Nodes::new();
        let (lost, id) = nodes.join(0);
        nodes.say(lost, format!(r#"{{"type":"update",{update}}}"#));
        nodes.lose(lost, Disconnect::Abrupt);
        let back = nodes.resume(0, lost);
        // The return overtakes the update, which is refused then.
        nodes.commits.rotate_left(1);
        nodes.settle();
        assert_eq!(nodes.types(back), ["resumed"]);
        let seat = nodes.record().seat(id).unwrap();
        let shown = (seat.name.as_str(), seat.state.as_ref().map(|state| state.as_bytes()));
        let expected = match update {
            r#""name":"other""# => ("other", None),
            _ => ("guest", Some(&b"7"[..])),
        };
        assert_eq!(shown, expected, "{update}");
    }
}

#[test]
fn an_update_over_a_socket_that_is_being_replaced_is_made_again() {
    let mut nodes = Nodes::new();
    let (old, id) = nodes.join(0);
    let back = nodes.resume(0, old);
    nodes.say(old, r#"{"type":"update","state":7}"#);
    // The return is applied first, and its answer comes last.
    let mut answers = nodes.apply();
    assert_eq!(answers.len(), 2);
    answers.rotate_left(1);
    nodes.answer(answers);
    nodes.settle();
    assert_eq!(nodes.types(back), ["resumed"]);
    let shown = nodes.record().seat(id).unwrap().state.clone();
    assert_eq!(shown.as_ref().map(|state| state.as_bytes()), Some(&b"7"[..]));
}

#[test]
fn an_update_that_came_in_time_is_not_made_again() {
    let mut nodes = Nodes::new();
    let (lost, _) = nodes.join(0);
    nodes.say(lost, r#"{"type":"update","name":"other","state":7}"#);
    let answers = nodes.apply();
    nodes.lose(lost, Disconnect::Abrupt);
    nodes.settle();
    nodes.answer(answers);
    let back = nodes.resume(0, lost);
    let asked =
        |nodes: &Nodes| nodes.commits.iter().any(|(_, _, op)| matches!(op, Op::Update { .. }));
    while !nodes.commits.is_empty() {
        assert!(!asked(&nodes));
        let answers = nodes.apply();
        nodes.answer(answers);
    }
    assert_eq!(nodes.types(back), ["resumed"]);
}

#[test]
fn an_update_that_the_host_has_forbidden_meanwhile_is_refused() {
    let mut nodes = Nodes::new();
    let (peer, _) = nodes.join(0);
    let (showing, id) = nodes.join(0);
    nodes.take(peer);
    // The second waits for the first.
    for req in ["a", "b"] {
        nodes
            .say(showing, format!(r#"{{"type":"update","name":"{req}","state":1,"req":"{req}"}}"#));
    }
    let mut permissions = Permissions::default();
    permissions.update = false;
    let forbid = Op::SetPermissions { participant: id, permissions };
    let _ = nodes.store.apply(nodes.room, &forbid, nodes.now());
    nodes.settle();
    let seat = nodes.record().seat(id).unwrap();
    assert_eq!((seat.name.as_str(), &seat.state), ("guest", &None));
    assert!(nodes.take(peer).is_empty());
    let told = nodes.take(showing);
    let refused = told.iter().filter(|told| told["type"] == "error");
    let refused: Vec<_> = refused.map(|error| json!([error["code"], error["req"]])).collect();
    assert_eq!(refused, [json!(["forbidden", "a"]), json!(["forbidden", "b"])]);
}

#[test]
fn an_update_that_was_made_in_time_is_not_refused_when_it_is_repeated() {
    let mut nodes = Nodes::new();
    let (showing, id) = nodes.join(0);
    nodes.say(showing, r#"{"type":"update","name":"other","state":1}"#);
    // The store applies it, and its answer gets lost.
    let (node, op, _) = nodes.apply().remove(0);
    let forbid = Op::SetPermissions { participant: id, permissions: Permissions::NONE };
    let _ = nodes.store.apply(nodes.room, &forbid, nodes.now());
    nodes.input(node, Input::Uncommitted { op });
    nodes.settle();
    assert!(nodes.types(showing).iter().all(|told| told != "error"));
}
