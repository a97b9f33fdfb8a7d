//! Offers that nobody answers.

use client_sdk::ConnectionState;

use super::host::{Host, id};

#[test]
fn an_offer_that_is_not_answered_is_offered_again() {
    let mut host = Host::offering("p_z");
    host.found("p_z", 1, "c1");
    host.made_offer("p_z", 1, 1, "M/1");
    host.take();
    host.pass(19);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["p_z rollback", "p_z offer 2"]);
    host.made_offer("p_z", 1, 2, "M/1");
    assert_eq!(host.take(), ["send p_z offer M/1", "send p_z candidate c1"]);
    host.answered("p_z", "Z/1");
    host.becomes("p_z", 1, ConnectionState::Connected);
    assert_eq!(host.take(), ["p_z accept Z/1", "p_z is Connected"]);
    host.pass(3600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_peer_that_never_answers_is_given_up() {
    let mut host = Host::offering("p_z");
    for negotiation in 1..=2 {
        host.made_offer("p_z", 1, negotiation, "M/1");
        host.take();
        host.pass(20);
        assert_eq!(host.take()[0], "p_z rollback");
    }
    host.made_offer("p_z", 1, 3, "M/1");
    host.take();
    host.pass(20);
    assert_eq!(host.take(), ["close p_z", "p_z is Failed: Unanswered"]);
    host.pass(3600);
    assert_eq!(host.take(), [""; 0]);
    host.offered("p_z", "Z/1");
    assert_eq!(host.take(), ["open p_z 2 answering", "p_z answer 4 Z/1"], "but it may come round");
}

#[test]
fn a_change_that_is_never_answered_is_taken_back_and_the_call_goes_on() {
    let mut host = Host::connected("p_z");
    host.becomes("p_z", 1, ConnectionState::Connected);
    host.session.restart_ice(id("p_z"));
    for negotiation in 2..=4 {
        host.made_offer("p_z", 1, negotiation, "M/2");
        host.take();
        host.pass(20);
    }
    assert_eq!(host.take(), ["p_z rollback"]);
    host.pass(3600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn without_the_server_no_answer_is_due() {
    let mut host = Host::offering("p_z");
    host.made_offer("p_z", 1, 1, "M/1");
    host.take();
    host.cut();
    host.take();
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
}
