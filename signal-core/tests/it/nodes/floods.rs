//! Slow readers at another node than the flooding participant.

use serde_json::json;
use signal_core::hub::Input;
use signal_core::{ConnId, ParticipantId};

use super::support::Nodes;
use crate::slow_readers::narrow;

/// A slow reader at one node, and two others at the other one.
struct Flooded {
    nodes: Nodes,
    slow: (ConnId, ParticipantId),
    loud: (ConnId, ParticipantId),
    other: (ConnId, ParticipantId),
}

impl Flooded {
    /// The share of the loud one is used up by candidates.
    fn new() -> Self {
        let mut nodes = Nodes::with_config(&narrow());
        let slow = nodes.join(1);
        let [loud, other] = [nodes.join(0), nodes.join(0)];
        for (conn, _) in [slow, loud, other] {
            read(&mut nodes, conn);
        }
        Self { nodes, slow, loud, other }
    }

    fn flood(&mut self) {
        for _ in 0..20 {
            self.signal(self.loud.0, "candidate", self.slow.1, &"x".repeat(90));
        }
        let waits = self.nodes.take(self.slow.0).len();
        assert!((7..20).contains(&waits), "{waits} messages wait");
        let refused = self.nodes.take(self.loud.0);
        assert_eq!(refused.len(), 20 - waits);
        for error in refused {
            let told = ["code", "about", "retryable"].map(|field| error[field].clone());
            assert_eq!(told, [json!("rate_limited"), json!(self.slow.1.as_str()), json!(true)]);
        }
    }

    /// Sends a message, and lets the nodes pass it on and answer.
    fn say(&mut self, conn: ConnId, message: String) {
        self.nodes.say(conn, message);
        self.nodes.pass();
        self.nodes.pass();
    }

    fn signal(&mut self, conn: ConnId, kind: &str, to: ParticipantId, text: &str) {
        let field = if kind == "candidate" { "candidate" } else { "sdp" };
        self.say(conn, json!({"type": kind, "to": to.as_str(), field: text}).to_string());
    }
}

/// Reads everything that waits.
fn read(nodes: &mut Nodes, conn: ConnId) {
    nodes.take(conn);
    let node = nodes.node_of(conn);
    nodes.input(node, Input::Sent { conn, bytes: 1_000_000 });
}

#[test]
fn whoever_floods_somebody_at_another_node_is_refused_and_others_are_not() {
    let mut room = Flooded::new();
    room.flood();
    room.signal(room.other.0, "candidate", room.slow.1, "y");
    assert!(room.nodes.take(room.other.0).is_empty());
    assert_eq!(room.nodes.take(room.slow.0)[0]["candidate"], "y");
    assert_eq!(room.nodes.closed(room.slow.0), None);
    read(&mut room.nodes, room.slow.0);
    room.signal(room.loud.0, "candidate", room.slow.1, "x");
    assert!(room.nodes.take(room.loud.0).is_empty());
    assert_eq!(room.nodes.types(room.slow.0), ["candidate"]);
}

#[test]
fn a_message_to_the_room_skips_whoever_is_flooded_at_another_node_and_says_so() {
    let mut room = Flooded::new();
    room.flood();
    room.say(room.loud.0, r#"{"type":"message","to":"room","topic":"t","data":1}"#.into());
    assert_eq!(room.nodes.types(room.other.0), ["message"]);
    assert!(room.nodes.take(room.slow.0).is_empty());
    let told = room.nodes.take(room.loud.0);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["code"], "rate_limited");
    assert_eq!(told[0]["about"], room.slow.1.as_str());
}

#[test]
fn an_offer_that_another_node_refuses_counts_as_never_sent() {
    let mut room = Flooded::new();
    room.flood();
    room.signal(room.loud.0, "offer", room.slow.1, "refused");
    assert_eq!(room.nodes.take(room.loud.0)[0]["code"], "rate_limited");
    read(&mut room.nodes, room.slow.0);
    // Nothing is outstanding, so the other side's offer does not collide.
    room.signal(room.slow.0, "offer", room.loud.1, "the other side's");
    assert_eq!(room.nodes.types(room.loud.0), ["offer"]);
}

#[test]
fn an_answer_that_another_node_refuses_can_be_sent_again() {
    let mut room = Flooded::new();
    room.signal(room.slow.0, "offer", room.loud.1, "offer");
    assert_eq!(room.nodes.types(room.loud.0), ["offer"]);
    room.flood();
    room.signal(room.loud.0, "answer", room.slow.1, "refused");
    assert_eq!(room.nodes.take(room.loud.0)[0]["code"], "rate_limited");
    read(&mut room.nodes, room.slow.0);
    room.signal(room.loud.0, "answer", room.slow.1, "once more");
    assert_eq!(room.nodes.types(room.slow.0), ["answer"]);
}
