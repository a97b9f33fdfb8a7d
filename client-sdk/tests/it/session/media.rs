//! When a change of what this side sends is offered.

use client_sdk::ConnectionState::Connected;
use client_sdk::session::Report;

use super::host::Host;

#[test]
fn a_change_is_offered_at_once() {
    let mut host = Host::connected("p_z");
    host.session.handle_media_changed();
    assert_eq!(host.take(), ["p_z offer 2"]);
}

#[test]
fn changes_during_the_first_negotiation_are_offered_once_when_connected() {
    let mut host = Host::offering("p_z");
    host.session.handle_media_changed();
    host.made_offer("p_z", 1, 1, "M/1");
    host.session.handle_media_changed();
    assert_eq!(host.take(), ["send p_z offer M/1"]);
    host.answered("p_z", "Z/1");
    host.becomes("p_z", 1, Connected);
    assert_eq!(host.take(), ["p_z accept Z/1", "p_z is Connected", "p_z offer 2"]);
    host.made_offer("p_z", 1, 2, "M/1");
    host.answered("p_z", "Z/1");
    assert_eq!(host.take(), ["send p_z offer M/1", "p_z accept Z/1"]);
}

#[test]
fn a_change_while_an_offer_is_answered_is_offered_after_the_answer() {
    let mut host = Host::called("p_a");
    host.offered("p_a", "A/1");
    host.take();
    host.session.handle_media_changed();
    assert_eq!(host.take(), [""; 0]);
    host.made_answer("p_a", 1, 2, "M/1");
    assert_eq!(host.take(), ["send p_a answer M/1", "p_a offer 3"]);
}

#[test]
fn a_connection_that_is_still_to_be_opened_has_the_change_from_the_start() {
    let mut host = Host::joined(&["p_a"]);
    host.take();
    host.session.handle_media_changed();
    assert_eq!(host.take(), [""; 0]);
    host.offered("p_a", "A/1");
    host.made_answer("p_a", 1, 1, "M/1");
    assert_eq!(host.take(), ["open p_a 1 answering", "p_a answer 1 A/1", "send p_a answer M/1"]);
}

#[test]
fn a_peer_that_was_given_up_is_not_offered_anything() {
    let mut host = Host::connected("p_z");
    host.give_up("p_z", 1);
    host.session.handle_media_changed();
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_change_during_a_rebuild_is_offered_over_the_new_connection() {
    let mut host = Host::connected("p_z");
    host.broken("p_z", 1);
    host.take();
    host.session.handle_media_changed();
    host.made_offer("p_z", 2, 2, "N/1");
    host.answered("p_z", "Z/1");
    host.becomes("p_z", 2, Connected);
    let words = ["send p_z offer N/1", "p_z accept Z/1", "p_z is Connected", "p_z offer 3"];
    assert_eq!(host.take(), words);
}

#[test]
fn a_change_without_the_server_is_offered_once_it_is_back() {
    let mut host = Host::calling("p_z");
    host.cut();
    host.take();
    host.session.handle_media_changed();
    assert_eq!(host.take(), ["p_z offer 2"]);
    host.made_offer("p_z", 1, 2, "M/1");
    assert_eq!(host.take(), [""; 0]);
    host.server(
        r#"{"type":"resumed","seq":1,"received":1,"replayed":0,"resume_token":"r2",
        "ice_servers":[],"ice_expires_at":"2025-12-05T12:00:00Z"}"#,
    );
    assert_eq!(host.take(), ["send p_z offer M/1", "use []", "resumed"]);
}

#[test]
fn a_change_that_lost_is_offered_again_unless_the_answer_has_a_place_for_it() {
    for has_place in [true, false] {
        let mut host = Host::connected("p_z");
        host.session.handle_media_changed();
        host.made_offer("p_z", 1, 2, "M/1");
        host.take();
        host.offered("p_z", "Z/1");
        assert_eq!(host.take(), ["p_z rollback", "p_z answer 3 Z/1"]);
        host.made_answer("p_z", 1, 3, "M/1");
        if has_place {
            assert_eq!(host.take(), ["send p_z answer M/1"]);
        } else {
            host.report("p_z", 1, Report::SectionMissing);
            assert_eq!(host.take(), ["send p_z answer M/1", "p_z offer 4"]);
        }
    }
}
