//! A seat that is resumed at another node.

use signal_core::CloseCode;
use signal_core::hub::Disconnect;

use super::support::Nodes;

#[test]
fn a_seat_resumed_elsewhere_leaves_its_old_socket_and_keeps_its_peers() {
    for is_lost in [false, true] {
        let mut nodes = Nodes::new();
        let (peer, _) = nodes.join(0);
        let (before, id) = nodes.join(0);
        nodes.take(peer);
        if is_lost {
            nodes.lose(before, Disconnect::Abrupt);
            nodes.settle();
        }
        let after = nodes.resume(1, before);
        nodes.settle();
        assert_eq!(nodes.types(after), ["resumed"]);
        assert_eq!(nodes.closed(before), (!is_lost).then_some(CloseCode::Replaced));
        assert!(nodes.types(peer).iter().all(|kind| kind == "peer_updated"));
        nodes.say(peer, format!(r#"{{"type":"candidate","to":"{id}","candidate":"1"}}"#));
        nodes.pass();
        assert_eq!(nodes.types(after), ["candidate"]);
    }
}
