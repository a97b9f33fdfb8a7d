//! How often the other side can have a connection replaced.

use client_sdk::ConnectionState::Connected;

use super::host::{Host, id};

#[test]
fn a_peer_that_rebuilds_all_the_time_is_answered_every_two_seconds_and_then_its_last_offer() {
    let mut host = Host::called("p_a");
    for offer in 0..100 {
        host.offered("p_a", &format!("B{offer}/1"));
        host.candidate("p_a", "c1");
    }
    let first = ["close p_a", "open p_a 2 answering", "p_a answer 2 B0/1", "close p_a"];
    assert_eq!(host.take(), first);
    host.pass(1);
    host.offered("p_a", "C/1");
    host.candidate("p_a", "c2");
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["open p_a 3 answering", "p_a answer 3 C/1"]);
    host.made_answer("p_a", 3, 3, "N/1");
    let done = host.take();
    // Without numbers, the server expects an answer to each offer.
    assert_eq!(done[..101], ["send p_a answer N/1"; 101]);
    assert_eq!(done.last().unwrap(), "p_a candidate c2");
    host.offered("p_a", "D/1");
    assert_eq!(host.take(), ["close p_a"], "it is too soon again");
    host.server(r#"{"type":"peer_left","participant_id":"p_a"}"#);
    host.pass(60);
    assert_eq!(host.take(), ["left p_a"]);
}

#[test]
fn what_this_side_wants_meanwhile_is_offered_once_the_last_offer_was_answered() {
    let mut host = Host::called("p_a");
    host.offered("p_a", "B/1");
    host.offered("p_a", "C/1");
    host.session.restart_ice(id("p_a"));
    host.session.handle_media_changed();
    host.take();
    host.pass(2);
    assert_eq!(host.take(), ["open p_a 3 answering", "p_a answer 3 C/1"]);
    host.made_answer("p_a", 3, 3, "N/1");
    assert_eq!(host.take().last().unwrap(), "p_a offer 4 restarting");
}

#[test]
fn answers_of_ever_other_connections_replace_no_more_than_offers_do() {
    let mut host = Host::connected("p_z");
    host.session.handle_media_changed();
    host.made_offer("p_z", 1, 2, "M/1");
    host.take();
    host.answered("p_z", "B/1");
    assert_eq!(host.take(), ["close p_z", "open p_z 2 offering", "p_z offer 3"]);
    host.made_offer("p_z", 2, 3, "N/1");
    host.answered("p_z", "C/1");
    host.becomes("p_z", 2, Connected);
    host.session.handle_media_changed();
    host.made_offer("p_z", 2, 4, "N/1");
    host.take();
    host.answered("p_z", "D/1");
    assert_eq!(host.take(), ["close p_z"]);
    host.pass(2);
    assert_eq!(host.take(), ["open p_z 3 offering", "p_z offer 5"]);
}

#[test]
fn a_peer_that_connects_and_breaks_the_connection_by_turns_gains_nothing() {
    let mut host = Host::called("p_a");
    host.broken("p_a", 1);
    assert_eq!(host.take(), ["close p_a", "open p_a 2 offering", "p_a offer 2"]);
    host.becomes("p_a", 2, Connected);
    host.take();
    host.broken("p_a", 2);
    assert_eq!(host.take(), ["close p_a"]);
    host.offered("p_a", "B/1");
    assert_eq!(host.take(), [""; 0]);
    host.pass(2);
    assert_eq!(host.take(), ["open p_a 3 answering", "p_a answer 3 B/1"]);
}
