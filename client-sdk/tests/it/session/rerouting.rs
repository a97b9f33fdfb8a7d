//! The network of this machine changes.

use client_sdk::ConnectionState::{Connected, Connecting, Disconnected};
use client_sdk::session::Report;
use signal_core::message::SignalKind;

use super::host::{Host, id, sdp};

#[test]
fn a_lost_path_has_ice_restarted_at_once() {
    // By whoever has lost it, whatever its id.
    for (mut host, peer) in [(Host::calling("p_z"), "p_z"), (Host::called("p_a"), "p_a")] {
        host.report(peer, 1, Report::PathLost);
        assert_eq!(host.take(), [format!("{peer} offer 2 restarting"), "send ping".to_owned()]);
    }
}

#[test]
fn paths_that_are_lost_again_and_again_have_ice_restarted_every_two_seconds() {
    let mut host = Host::calling("p_z");
    host.report("p_z", 1, Report::PathLost);
    rerouted(&mut host, 2);
    host.take();
    for _ in 0..9 {
        host.report("p_z", 1, Report::PathLost);
    }
    host.pass(1);
    assert_eq!(host.take(), ["send ping"]);
    host.pong();
    host.pass(1);
    assert_eq!(host.take(), ["p_z offer 3 restarting"]);
    rerouted(&mut host, 3);
    host.take();
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn another_address_has_ice_restarted_where_nothing_gets_through() {
    let mut host = Host::calling("p_z");
    host.session.handle_new_address(host.now);
    host.pong();
    assert_eq!(host.take(), ["send ping"], "what works is left alone");
    host.becomes("p_z", 1, Disconnected);
    host.pong();
    host.take();
    host.session.handle_new_address(host.now);
    assert_eq!(host.take(), ["p_z offer 2 restarting", "send ping"]);
    // It tells of the same change.
    host.report("p_z", 1, Report::PathLost);
    rerouted(&mut host, 2);
    host.pong();
    host.take();
    host.pass(600);
    assert_eq!(host.take(), [""; 0], "once");
}

#[test]
fn a_change_of_network_has_ice_restarted_once_however_long_it_takes() {
    let mut host = Host::calling("p_z");
    host.becomes("p_z", 1, Disconnected);
    host.pong();
    host.take();
    host.session.handle_new_address(host.now);
    host.report("p_z", 1, Report::PathLost);
    host.pong();
    assert_eq!(host.take(), ["p_z offer 2 restarting", "send ping"]);
    host.pass(3);
    assert_eq!(host.take(), [""; 0]);
    host.made_offer("p_z", 1, 2, "M/2");
    host.report("p_z", 1, Report::PathLost);
    host.pong();
    host.take();
    host.pass(3);
    host.answered("p_z", "Z/2");
    host.becomes("p_z", 1, Connected);
    host.take();
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_change_of_network_during_a_restart_has_ice_restarted_again_once_that_has_ended() {
    let mut host = Host::calling("p_z");
    host.report("p_z", 1, Report::PathLost);
    host.made_offer("p_z", 1, 2, "M/2");
    host.becomes("p_z", 1, Connecting);
    host.pong();
    host.take();
    // What was offered leaves from an address that is gone again.
    host.report("p_z", 1, Report::PathLost);
    host.pass(5);
    host.pong();
    host.take();
    host.answered("p_z", "Z/2");
    assert_eq!(host.take(), ["p_z accept Z/2"], "it may find a path");
    host.pass(1);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["p_z offer 3 restarting"]);
    rerouted(&mut host, 3);
    host.take();
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_path_that_is_lost_during_a_restart_that_gives_way_to_the_other_side_has_ice_restarted() {
    let mut host = Host::calling("p_z");
    host.session.restart_ice(id("p_z"));
    host.made_offer("p_z", 1, 2, "M/2");
    host.report("p_z", 1, Report::PathLost);
    host.pong();
    host.take();
    // Both sides have restarted ICE at once, and the offer of the other side has won.
    host.numbered("p_z", SignalKind::Offer, &sdp("Z/2"), Some(2));
    host.made_answer("p_z", 1, 3, "M/3");
    host.take();
    host.pass(1);
    assert_eq!(host.take(), [""; 0], "it may find a path");
    host.pass(1);
    assert_eq!(host.take(), ["p_z offer 4 restarting"]);
    rerouted(&mut host, 4);
    host.take();
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn another_address_is_tried_for_whom_was_given_up() {
    let mut host = Host::calling("p_z");
    host.give_up("p_z", 1);
    host.session.handle_new_address(host.now);
    assert_eq!(host.take(), ["open p_z 5 offering", "p_z offer 5", "send ping"]);
}

/// The other side answers the restart, and there is a path.
fn rerouted(host: &mut Host, negotiation: u32) {
    host.made_offer("p_z", 1, negotiation, &format!("M/{negotiation}"));
    host.becomes("p_z", 1, Connecting);
    host.answered("p_z", &format!("Z/{negotiation}"));
    host.becomes("p_z", 1, Connected);
}
