//! Offers after the first ones of a connection, which wait until it is up.

use client_sdk::ConnectionState::{Connected, Connecting};
use client_sdk::session::Report;

use super::host::{Host, id};

#[test]
fn what_an_answer_has_no_place_for_is_offered_once_the_connection_is_up() {
    let mut host = Host::answering("p_a", "A/1");
    host.made_answer("p_a", 1, 1, "M/1");
    host.report("p_a", 1, Report::SectionMissing);
    host.becomes("p_a", 1, Connecting);
    assert_eq!(host.take(), ["send p_a answer M/1", "p_a is Connecting"]);
    host.becomes("p_a", 1, Connected);
    assert_eq!(host.take(), ["p_a is Connected", "p_a offer 2"]);
}

#[test]
fn a_further_offer_does_not_wait_longer_than_five_seconds() {
    let mut host = Host::connecting("p_z");
    host.session.handle_media_changed();
    host.pass(4);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["p_z offer 2"]);
}

#[test]
fn a_restart_of_ice_does_not_wait_for_the_connection() {
    let mut host = Host::connecting("p_z");
    host.session.restart_ice(id("p_z"));
    assert_eq!(host.take(), ["p_z offer 2 restarting"]);
}

#[test]
fn the_other_sides_further_offer_is_answered_at_once() {
    let mut host = Host::connecting("p_z");
    host.session.handle_media_changed();
    host.offered("p_z", "Z/1");
    host.made_answer("p_z", 1, 2, "M/1");
    assert_eq!(host.take(), ["p_z answer 2 Z/1", "send p_z answer M/1"]);
    host.becomes("p_z", 1, Connected);
    assert_eq!(host.take(), ["p_z is Connected", "p_z offer 3"]);
}

#[test]
fn a_connection_that_comes_up_without_a_change_is_followed_by_no_offer() {
    let mut host = Host::connecting("p_z");
    host.becomes("p_z", 1, Connected);
    host.pass(600);
    assert_eq!(host.take(), ["p_z is Connected"]);
}
