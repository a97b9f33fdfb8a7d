//! The decisions of a session, without sockets and tasks, and with a clock that the test controls.

mod candidates;
mod empty_offers;
mod further_offers;
mod host;
mod leaving;
mod media;
mod permissions;
mod recovery;
mod reopening;
mod rerouting;
mod unheard;

use client_sdk::ConnectionState;
use client_sdk::session::Report;
use signal_core::message::SignalKind;

use self::host::{Host, id, sdp};

#[test]
fn the_smaller_id_offers_and_the_larger_waits() {
    let mut host = Host::joined(&["p_a", "p_z"]);
    assert_eq!(host.take(), ["joined p_a", "joined p_z", "open p_z 1 offering", "p_z offer 1"]);
    host.server(
        r#"{"type":"peer_joined","participant":{"id":"p_y","name":"y","is_creator":false}}"#,
    );
    assert_eq!(host.take(), ["joined p_y", "open p_y 1 offering", "p_y offer 1"]);
    host.offered("p_a", "A/1");
    assert_eq!(host.take(), ["open p_a 1 answering", "p_a answer 1 A/1"]);
}

#[test]
fn candidates_wait_until_the_offer_they_belong_to_was_sent() {
    let mut host = Host::offering("p_z");
    host.found("p_z", 1, "c1");
    assert_eq!(host.take(), [""; 0]);
    host.made_offer("p_z", 1, 1, "M/1");
    assert_eq!(host.take(), ["send p_z offer M/1", "send p_z candidate c1"]);
    host.found("p_z", 1, "c2");
    assert_eq!(host.take(), ["send p_z candidate c2"]);
}

#[test]
fn candidates_wait_until_the_answer_they_belong_to_was_sent() {
    let mut host = Host::answering("p_a", "A/1");
    host.found("p_a", 1, "c1");
    assert_eq!(host.take(), [""; 0]);
    host.made_answer("p_a", 1, 1, "M/1");
    assert_eq!(host.take(), ["send p_a answer M/1", "send p_a candidate c1"]);
}

#[test]
fn candidates_of_the_other_side_wait_for_its_answer() {
    let mut host = Host::offering("p_z");
    host.made_offer("p_z", 1, 1, "M/1");
    host.candidate("p_z", "c1");
    host.take();
    host.answered("p_z", "Z/1");
    assert_eq!(host.take(), ["p_z accept Z/1", "p_z candidate c1"]);
    host.candidate("p_z", "c2");
    assert_eq!(host.take(), ["p_z candidate c2"]);
}

#[test]
fn candidates_of_the_other_side_wait_until_its_offer_was_answered() {
    let mut host = Host::answering("p_a", "A/1");
    host.candidate("p_a", "c1");
    assert_eq!(host.take(), [""; 0]);
    host.made_answer("p_a", 1, 1, "M/1");
    assert_eq!(host.take(), ["send p_a answer M/1", "p_a candidate c1"]);
}

#[test]
fn an_offer_that_is_delivered_wins_over_one_that_was_sent() {
    let mut host = Host::offering("p_z");
    host.made_offer("p_z", 1, 1, "M/1");
    host.found("p_z", 1, "c1");
    host.take();
    host.refused("offer_conflict");
    host.offered("p_z", "Z/1");
    assert_eq!(host.take(), ["p_z rollback", "p_z answer 2 Z/1"]);
    host.made_answer("p_z", 1, 2, "M/1");
    // The server dropped the candidates together with the offer.
    assert_eq!(host.take(), ["send p_z answer M/1", "send p_z candidate c1"]);
    host.answered("p_z", "Z/1");
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn an_offer_that_is_delivered_wins_over_one_that_is_being_made() {
    let mut host = Host::offering("p_z");
    host.offered("p_z", "Z/1");
    assert_eq!(host.take(), ["p_z rollback", "p_z answer 2 Z/1"]);
    host.made_offer("p_z", 1, 1, "M/1");
    assert_eq!(host.take(), [""; 0], "the offer that was taken back is not sent");
    host.made_answer("p_z", 1, 2, "M/1");
    assert_eq!(host.take(), ["send p_z answer M/1"]);
}

#[test]
fn a_restart_that_lost_is_offered_again() {
    let mut host = Host::connected("p_z");
    host.session.restart_ice(id("p_z"));
    assert_eq!(host.take(), ["p_z offer 2 restarting"]);
    host.offered("p_z", "Z/1");
    assert_eq!(host.take(), ["p_z rollback", "p_z answer 3 Z/1"]);
    host.made_answer("p_z", 1, 3, "M/1");
    assert_eq!(host.take(), ["send p_z answer M/1", "p_z offer 4 restarting"]);
}

#[test]
fn a_restart_that_lost_to_a_restart_is_done() {
    let mut host = Host::connected("p_z");
    host.session.restart_ice(id("p_z"));
    host.offered("p_z", "Z/2");
    host.take();
    host.made_answer("p_z", 1, 3, "M/2");
    assert_eq!(host.take(), ["send p_z answer M/2"]);
}

#[test]
fn a_wish_that_comes_during_a_negotiation_waits_for_its_end() {
    let mut host = Host::offering("p_z");
    host.session.restart_ice(id("p_z"));
    host.made_offer("p_z", 1, 1, "M/1");
    assert_eq!(host.take(), ["send p_z offer M/1"]);
    host.answered("p_z", "Z/1");
    assert_eq!(host.take(), ["p_z accept Z/1", "p_z offer 2 restarting"]);
}

#[test]
fn every_offer_gets_an_answer_and_the_last_ones_says_what_holds() {
    let mut host = Host::answering("p_a", "A/1");
    host.offered("p_a", "A/2");
    assert_eq!(host.take(), ["p_a answer 2 A/2"]);
    host.made_answer("p_a", 1, 1, "M/1");
    assert_eq!(host.take(), [""; 0], "the answer to the first offer is out of date");
    host.made_answer("p_a", 1, 2, "M/2");
    assert_eq!(host.take(), ["send p_a answer M/2", "send p_a answer M/2"]);
}

#[test]
fn an_offer_of_a_rebuilt_connection_is_answered_by_a_new_one_that_also_answers_for_the_old() {
    let mut host = Host::answering("p_a", "A/1");
    host.offered("p_a", "B/1");
    assert_eq!(host.take(), ["close p_a", "open p_a 2 answering", "p_a answer 2 B/1"]);
    host.made_answer("p_a", 2, 2, "N/1");
    assert_eq!(host.take(), ["send p_a answer N/1", "send p_a answer N/1"]);
}

#[test]
fn an_answer_of_a_rebuilt_connection_makes_this_side_rebuild_too() {
    for answer in ["B/1", "Z/2"] {
        let mut host = Host::connected("p_z");
        host.session.handle_media_changed();
        host.made_offer("p_z", 1, 2, "M/1");
        host.take();
        host.answered("p_z", answer);
        assert_eq!(host.take(), ["close p_z", "open p_z 2 offering", "p_z offer 3"], "{answer}");
    }
}

#[test]
fn an_answer_to_a_restart_brings_new_credentials() {
    let mut host = Host::connected("p_z");
    host.session.restart_ice(id("p_z"));
    host.made_offer("p_z", 1, 2, "M/2");
    host.take();
    host.answered("p_z", "Z/2");
    assert_eq!(host.take(), ["p_z accept Z/2"]);
}

#[test]
fn an_answer_that_was_meant_for_a_replaced_offer_is_found_out_by_the_one_that_follows() {
    let mut host = Host::offering("p_z");
    host.made_offer("p_z", 1, 1, "M/1");
    host.broken("p_z", 1);
    host.made_offer("p_z", 2, 2, "N/1");
    host.take();
    host.answered("p_z", "Z/1");
    assert_eq!(host.take(), ["p_z accept Z/1"]);
    host.answered("p_z", "Y/1");
    host.pass(2);
    assert_eq!(host.take(), ["close p_z", "open p_z 3 offering", "p_z offer 3"]);
}

#[test]
fn an_answer_that_names_another_offer_is_ignored() {
    let mut host = Host::offering("p_z");
    host.made_offer("p_z", 1, 1, "M/1");
    host.broken("p_z", 1);
    host.made_offer("p_z", 2, 2, "N/1");
    host.take();
    host.numbered("p_z", SignalKind::Answer, &sdp("Z/1"), Some(1));
    assert_eq!(host.take(), [""; 0]);
    host.numbered("p_z", SignalKind::Answer, &sdp("Y/1"), Some(2));
    assert_eq!(host.take(), ["p_z accept Y/1"]);
}

#[test]
fn a_connection_that_fails_over_an_offer_is_replaced_by_one_that_answers_it() {
    let mut host = Host::answering("p_a", "A/1");
    host.candidate("p_a", "c1");
    host.broken("p_a", 1);
    assert_eq!(host.take(), ["close p_a", "open p_a 2 answering", "p_a answer 2 A/1"]);
    host.made_answer("p_a", 2, 2, "N/1");
    assert_eq!(host.take(), ["send p_a answer N/1", "p_a candidate c1"]);
}

#[test]
fn what_an_earlier_connection_tells_is_ignored() {
    let mut host = Host::connected("p_z");
    host.broken("p_z", 1);
    assert_eq!(host.take(), ["close p_z", "open p_z 2 offering", "p_z offer 2"]);
    host.broken("p_z", 1);
    host.found("p_z", 1, "c9");
    host.made_offer("p_z", 1, 2, "M/1");
    host.report("p_z", 1, Report::State(ConnectionState::Connected));
    assert_eq!(host.take(), [""; 0]);
    host.made_offer("p_z", 2, 2, "N/1");
    assert_eq!(host.take(), ["send p_z offer N/1"]);
}

#[test]
fn candidates_from_before_a_restart_are_not_sent_again() {
    let mut host = Host::offering("p_z");
    host.found("p_z", 1, "old");
    host.made_offer("p_z", 1, 1, "M/1");
    host.answered("p_z", "Z/1");
    host.session.restart_ice(id("p_z"));
    host.found("p_z", 1, "new");
    host.take();
    host.offered("p_z", "Z/1");
    host.made_answer("p_z", 1, 3, "M/2");
    assert_eq!(host.take()[2..4], ["send p_z answer M/2", "send p_z candidate new"]);
}

#[test]
fn whoever_leaves_is_forgotten_with_its_connection() {
    let mut host = Host::connected("p_z");
    host.server(r#"{"type":"peer_left","participant_id":"p_z"}"#);
    assert_eq!(host.take(), ["close p_z", "left p_z"]);
    host.broken("p_z", 1);
    host.offered("p_z", "Z/2");
    host.candidate("p_z", "c1");
    host.session.restart_ice(id("p_z"));
    host.server(r#"{"type":"peer_left","participant_id":"p_z"}"#);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_creator_is_told_when_its_room_answers_no_password() {
    let mut host = Host::connected("p_z");
    host.server(r#"{"type":"password_attempts","left":0,"retry_after_ms":180000}"#);
    assert_eq!(host.take(), ["0 attempts left, in 180s"]);
}

#[test]
fn a_room_that_closes_is_over() {
    let mut host = Host::connected("p_z");
    host.server(r#"{"type":"room_closed","reason":"expired"}"#);
    assert_eq!(host.take(), ["close p_z", r#"over: RoomClosed { reason: "expired" }"#]);
    let mut host = Host::connected("p_z");
    host.server(r#"{"type":"room_closed","reason":"late","code":"expired"}"#);
    assert_eq!(host.take(), ["close p_z", r#"over: RoomExpired { reason: "late" }"#]);
}

#[test]
fn a_refusal_is_told_unless_it_only_says_whose_offer_won() {
    let mut host = Host::connected("p_z");
    host.refused("offer_conflict");
    assert_eq!(host.take(), [""; 0]);
    host.refused("rate_limited");
    assert_eq!(host.take(), ["refused: rate_limited"]);
}

#[test]
fn a_description_that_is_no_string_is_ignored() {
    let mut host = Host::connected("p_z");
    // The wire module refuses these; another host of a session may not.
    host.signal("p_z", SignalKind::Offer, &7);
    host.signal("p_z", SignalKind::Answer, &());
    host.signal("p_z", SignalKind::Offer, &serde_json::json!({"sdp": "v=0"}));
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn what_a_snapshot_says_of_somebody_who_is_known_is_told() {
    let mut host = Host::connected("p_z");
    host.cut();
    host.take();
    host.server(
        r#"{"type":"resumed","seq":9,"received":null,"replayed":null,"resume_token":"r2","v":2,
        "ice_servers":[],"ice_expires_at":"2025-12-06T14:00:00Z","participant_id":"p_m",
        "participants":[{"id":"p_z","name":"Zoe","is_creator":false,"connected":false,
            "state":{"muted":true}}],
        "room":{"id":"ABC234","name":"room","max_participants":10,
            "expires_at":"2025-12-06T14:00:00Z","locked":false},
        "resume_grace_ms":30000,"server_time":"2025-12-06T12:00:00Z"}"#,
    );
    let told = host.take();
    assert!(told.contains(&r#"p_z is now Zoe {"muted":true} away"#.to_owned()), "{told:?}");
}
